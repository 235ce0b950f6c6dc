"""SNAIL (Mishra, Rohaninejad, Chen & Abbeel, ICLR 2018, arXiv:1707.03141)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    Classifier,
    EpisodeGroup,
    EpisodicMethod,
    Images,
    Recipe,
    ShuffledSlots,
    Support,
    Task,
    constant,
    hookimpl,
)

EMBEDDED = 64
"""Features of an image in a sequence."""


class Dense(nn.Module):
    """Two causal convolutions of two places, gated; their output is joined to the input.

    Sequences are [n, channels, length]. dilation: the distance of the places.
    """

    def __init__(self, channels: int, dilation: int, width: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.value = nn.Conv1d(channels, width, 2, dilation=dilation)
        self.gate = nn.Conv1d(channels, width, 2, dilation=dilation)

    def forward(self, sequences: Tensor) -> Tensor:
        before = F.pad(sequences, (self.dilation, 0))
        return torch.cat([sequences, self.value(before).tanh() * self.gate(before).sigmoid()], 1)


class TemporalConvolutions(nn.Sequential):
    """Dense blocks whose dilations double, from `first` on, until they span `length` places."""

    def __init__(self, channels: int, length: int, width: int, first: int) -> None:
        blocks = ceil(log2(length))
        super().__init__(*(Dense(channels + i * width, first * 2**i, width) for i in range(blocks)))
        self.channels = channels + blocks * width


class Attention(nn.Module):
    """What each place reads from itself and those before it, joined to the input."""

    def __init__(self, channels: int, key: int, value: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(channels, key), nn.Linear(channels, key)
        self.value = nn.Linear(channels, value)
        self.channels = channels + value

    def weights(self, items: Tensor) -> Tensor:
        """How much each place reads from each [n, length, length]; rows sum to 1."""
        logits = self.query(items) @ self.key(items).mT / self.key.out_features**0.5
        later = torch.ones_like(logits, dtype=torch.bool).triu(1)
        return logits.masked_fill(later, -torch.inf).softmax(2)

    def forward(self, sequences: Tensor) -> Tensor:
        items = sequences.mT
        return torch.cat([sequences, (self.weights(items) @ self.value(items)).mT], dim=1)


class Sequences(nn.Module):
    """From sequences [n, channels, length] to the outputs of their last places [n, slots].

    length: of the longest sequence for which the convolutions reach back to the beginning.
    """

    def __init__(self, slots: int, length: int, width: int, first_dilation: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [Attention(EMBEDDED + slots, 64, 32)]
        for key, value in ((256, 128), (512, 256)):
            channels = parts[-1].channels
            parts.append(TemporalConvolutions(channels, length, width, first_dilation))
            parts.append(Attention(parts[-1].channels, key, value))
        self.parts = nn.Sequential(*parts)
        self.answer = nn.Linear(parts[-1].channels, slots)

    def forward(self, sequences: Tensor) -> Tensor:
        answers: Tensor = self.answer(self.parts(sequences)[:, :, -1])
        return answers


@dataclass
class SNAIL(ShuffledSlots, EpisodicMethod):
    """A network reads the labelled support as a sequence, and a query at its end.

    Dilated convolutions gather what came before, causal attention picks from it. Each query has a
    sequence of its own, in which its label is zero. The sequence has a random order and the classes
    random slots, as an order by classes would tell them. The dilations begin with 2 as the paper
    writes them, so that a block of convolutions sees every second place only. Its appendix, with
    the sizes, is known here by a port.

    backbone: trained from scratch, unless it comes with weights; a linear layer gives 64 features.
    width: filters of each convolution; the paper's are 128.
    first_dilation: 1 lets the convolutions see every place.
    """

    name = "snail"
    paper = "arXiv:1707.03141"
    order_dependent = True
    width: Annotated[int, Bounds(ge=1, le=4096)] = 32
    first_dilation: Annotated[int, Bounds(ge=1, le=2)] = 2

    def quick(self, task: Task) -> Recipe:
        shape = {"way": self.slots_for(task), "shot": (1, task.n_shot or 1), "query": 2}
        return shape | {"tasks": 12, "steps": 700, "lr": 1e-3}

    def published(self, task: Task) -> Recipe:
        """From 1 to 5 shots, Adam, end to end; the other numbers are a port's."""
        shape = {"way": self.slots_for(task), "shot": (1, 5), "query": 1}
        return shape | {
            "tasks": 32,
            "steps": 1_000_000,
            "lr": 1e-4,
            "schedule": constant,
            "validate_every": 10_000,
        }

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        length = slots * (task.n_shot or 5) + 1
        return {
            "project": nn.Linear(feature_size, EMBEDDED),
            "sequences": Sequences(slots, length, self.width, self.first_dilation),
        }

    def loss(self, episodes: EpisodeGroup) -> Tensor:
        """The mean cross-entropy of the queries of a group, whose images are embedded together."""
        embedded = episodes.split(self.embed(episodes.images))
        pairs = zip(embedded, episodes, strict=True)
        scores = torch.cat([self.scores(asked, known, e.support) for (known, asked), e in pairs])
        labels = torch.cat([episode.query_labels for episode in episodes])
        return F.cross_entropy(scores.float(), labels.to(scores.device))

    def adapt(self, support: Support) -> Classifier:
        known = self.embed(support.images)

        def classify(images: Images) -> Tensor:
            return self.scores(self.embed(images), known, support)

        return classify

    def embed(self, images: Images) -> Tensor:
        features: Tensor = self.network["project"](self.encoder(images))
        return features

    def scores(self, asked: Tensor, known: Tensor, support: Support) -> Tensor:
        """Scores [n_query, n_way] of embedded queries by the embedded support."""
        shuffle = self.shuffle(support)
        labels = F.one_hot(shuffle.labels, self.n_slots).to(known)
        before = torch.cat([known[shuffle.order], labels], dim=1)
        last = F.pad(asked, (0, self.n_slots))
        sequences = torch.cat([before.expand(len(asked), -1, -1), last[:, None]], dim=1).mT
        outputs: Tensor = self.network["sequences"](sequences)
        return outputs[:, shuffle.slots]


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SNAIL)
