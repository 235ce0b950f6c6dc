"""Memory-augmented neural networks (Santoro et al., ICML 2016, arXiv:1605.06065)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    EpisodeGroup,
    MetricMethod,
    Recipe,
    ShuffledSlots,
    Support,
    Task,
    constant,
    hookimpl,
)

GAMMA = 0.95
"""How much of a row's usage is left a step later."""
EMPTY = 1e-6
"""What memory holds at first: a vector of 0 has no cosine."""


class State(NamedTuple):
    """What is kept from one step to the next, of b sequences.

    memory: [b, rows, width]. read: each head's weights [b, heads, rows] of its last reading. usage:
    [b, rows]. found: what the heads have read, [b, heads * width]. hidden, cell: the LSTM's.
    """

    memory: Tensor
    read: Tensor
    usage: Tensor
    found: Tensor
    hidden: Tensor
    cell: Tensor


def write_weights(usage: Tensor, read: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
    """Where each head writes [b, heads, rows], and the least used row, one-hot [b, rows].

    It writes to the rows of its last reading (read [b, heads, rows]) with share gate [b, heads, 1],
    and to the least used rows, as many as there are heads, with the rest.
    """
    rows, heads = usage.shape[1], read.shape[1]
    rarest = usage.argsort(dim=1, stable=True)[:, :heads]
    chosen = F.one_hot(rarest, rows).to(usage)
    return gate * read + (1 - gate) * chosen.sum(1, keepdim=True), chosen[:, 0]


def read_weights(memory: Tensor, keys: Tensor) -> Tensor:
    """Where each head reads [b, heads, rows]: a softmax of cosines, without a temperature."""
    cosines = F.normalize(keys, dim=2) @ F.normalize(memory, dim=2).mT
    return F.softmax(cosines, dim=2)


def usage_after(usage: Tensor, read: Tensor, written: Tensor) -> Tensor:
    """How much each row is used [b, rows] once all heads have read and written there."""
    return GAMMA * usage + read.sum(1) + written.sum(1)


class Memory(nn.Module):
    """An LSTM that writes to a memory and reads from it, by content.

    inputs, outputs: sizes. rows, width: of the memory. heads: that read. hidden: units of the LSTM.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        rows: int = 128,
        width: int = 40,
        heads: int = 4,
        hidden: int = 200,
    ) -> None:
        super().__init__()
        self.rows, self.width, self.heads = rows, width, heads
        self.controller = nn.LSTMCell(inputs + heads * width, hidden)
        self.keys = nn.Linear(hidden, heads * width)
        self.gates = nn.Linear(hidden, heads)
        self.output = nn.Linear(hidden + heads * width, outputs)

    def start(self, sequences: int) -> State:
        """The state before the first step."""
        blank = self.output.weight.new_zeros
        first = blank(sequences, self.rows)
        first[:, 0] = 1
        return State(
            blank(sequences, self.rows, self.width) + EMPTY,
            first[:, None].expand(-1, self.heads, -1),
            first,
            blank(sequences, self.heads * self.width),
            blank(sequences, self.controller.hidden_size),
            blank(sequences, self.controller.hidden_size),
        )

    def step(self, inputs: Tensor, state: State) -> State:
        """The state after an input [b, inputs]."""
        hidden, cell = self.controller(
            torch.cat([inputs, state.found], dim=1), (state.hidden, state.cell)
        )
        keys = self.keys(hidden).tanh().unflatten(1, (self.heads, self.width))
        gate = self.gates(hidden).sigmoid()[:, :, None]
        written, rarest = write_weights(state.usage, state.read, gate)
        memory = state.memory * (1 - rarest)[:, :, None] + written.mT @ keys
        read = read_weights(memory, keys)
        usage = usage_after(state.usage, read, written)
        return State(memory, read, usage, (read @ memory).flatten(1), hidden, cell)

    def forward(self, known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
        """Outputs [b, n_query, slots] of queries [b, n_query, d] after supports [b, n, d].

        labels: of the supports, one-hot [b, n, slots]. They come one step late, and that of the
        last support image comes with each query, which goes on from a copy of the state.
        """
        state = self.start(len(known))
        late = F.pad(labels, (0, 0, 1, 0))
        for inputs in torch.cat([known, late[:, :-1]], dim=2).unbind(1):
            state = self.step(inputs, state)
        queries = asked.shape[1]
        copies = State(*(part.repeat_interleave(queries, dim=0) for part in state))
        last = late[:, -1:].expand(-1, queries, -1)
        state = self.step(torch.cat([asked, last], dim=2).flatten(0, 1), copies)
        outputs: Tensor = self.output(torch.cat([state.hidden, state.found], dim=1))
        return outputs.unflatten(0, (-1, queries))


@dataclass
class MANN(ShuffledSlots, MetricMethod):
    """A network with an external memory sees each image with the label of the one before.

    Images of the support come one by one, in an order and with slots that are drawn for each
    episode. A query is one more step, with the label of the last support image, from a copy of the
    state. Training has the loss of such queries; the paper's is that of all steps of a sequence of
    50 images, and its figures are accuracies at the k-th presentation of a class in it, not N-way
    K-shot ones. Labels are one-hot; the paper has strings of letters from 15 classes on. As in the
    paper, a head writes its key, and all heads share the least used rows, the first of which is
    erased before.

    backbone: trained from scratch; the paper has the pixels themselves (`pixels`), at 20 px.
    rows, width: of the memory.
    heads: that read from it and write to it.
    hidden: units of the LSTM.
    """

    name = "mann"
    paper = "arXiv:1605.06065"
    family = "black-box"
    order_dependent = True
    rows: Annotated[int, Bounds(ge=1, le=4096)] = 128
    width: Annotated[int, Bounds(ge=1, le=4096)] = 40
    heads: Annotated[int, Bounds(ge=1, le=64)] = 4
    hidden: Annotated[int, Bounds(ge=1, le=4096)] = 200

    def __post_init__(self) -> None:
        if self.heads > self.rows:
            raise ValueError("heads cannot be more than rows, as each needs one to write to")

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        sizes = {"rows": self.rows, "width": self.width, "heads": self.heads}
        return {"memory": Memory(feature_size + slots, slots, hidden=self.hidden, **sizes)}

    def quick(self, task: Task) -> Recipe:
        """From one shot up to the test's, about 320 images a step."""
        way, most = self.slots_for(task), task.n_shot or 5
        tasks = max(1, 640 // (way * (1 + most + 6)))
        shape = {"way": way, "shot": (1, most), "query": 3, "tasks": tasks}
        return shape | {"steps": 600, "lr": 1e-3}

    def published(self, task: Task) -> Recipe:
        """RMSProp 1e-4 on 100 000 episodes, 16 a step, of images that are turned and shifted.

        An episode there has 10 images of a class, each of which is asked for: here 1 to 9 are the
        support and one is asked for. Shifts are 10 of Omniglot's 105 px.
        """
        shape = {"way": self.slots_for(task), "shot": (1, 9), "query": 1, "tasks": 16}
        fixed = {"steps": 100_000 // 16, "lr": 1e-4, "schedule": constant, "validate_every": 250}
        augment = "affine[degrees=11.25,shift=0.095]"
        optimizer = partial(torch.optim.RMSprop, momentum=0.9)
        return shape | fixed | {"augment": augment, "optimizer": optimizer}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        return self.together([(support_features, query_features)], [support])[0]

    def losses(self, episodes: EpisodeGroup) -> Tensor:
        """The loss of each episode [n]; episodes of one shape go through the steps together."""
        if len({(len(each.support.images), len(each.query)) for each in episodes}) > 1:
            return super().losses(episodes)
        pairs = episodes.split(self.encoder(episodes.images).float())
        with torch.autocast(self.encoder.device.type, enabled=False):
            found = self.together(pairs, [episode.support for episode in episodes])
            return torch.stack(
                [
                    self.criterion(scores, each.query_labels.to(scores.device), each.support)
                    for scores, each in zip(found, episodes, strict=True)
                ]
            )

    def together(
        self, pairs: Sequence[tuple[Tensor, Tensor]], supports: Sequence[Support]
    ) -> list[Tensor]:
        """Scores of episodes of one shape by the features of their support and their queries."""
        shuffles = [self.shuffle(support) for support in supports]
        known = [each[shuffle.order] for (each, _), shuffle in zip(pairs, shuffles, strict=True)]
        asked = torch.stack([each for _, each in pairs])
        labels = torch.stack([shuffle.labels for shuffle in shuffles])
        told = F.one_hot(labels, self.n_slots).to(asked)
        outputs = self.network["memory"](torch.stack(known), told, asked)
        return [one[:, shuffle.slots] for one, shuffle in zip(outputs, shuffles, strict=True)]


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MANN)
