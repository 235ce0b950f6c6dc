"""SNAIL, a simple neural attentive meta-learner (Mishra et al., ICLR 2018, arXiv:1707.03141)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    MetricMethod,
    Recipe,
    ShuffledSlots,
    Support,
    Task,
    constant,
    hookimpl,
)

ATTENTIONS = ((64, 32), (256, 128), (512, 256))
"""Keys and values of each attention; temporal convolutions come between two of them."""


class Dense(nn.Module):
    """A causal convolution of kernel 2 with a gate, whose output is joined to its input.

    Rows are the support's positions and after them the queries, each of which comes directly after
    the support. size: of a row. filters: D in the paper. dilation: R in the paper.
    """

    def __init__(self, size: int, filters: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        # One layer on two rows is the convolution; xf and xg are its two halves.
        self.both = nn.Linear(2 * size, 2 * filters)

    def forward(self, rows: Tensor, n_support: int) -> Tensor:
        """Rows [n, size + filters] of rows [n, size]."""
        position = torch.arange(len(rows), device=rows.device).clamp(max=n_support)
        earlier = (position - self.dilation + 1).clamp(min=0)
        past = torch.cat([torch.zeros_like(rows[:1]), rows])[earlier]
        value, gate = self.both(torch.cat([past, rows], dim=1)).chunk(2, dim=1)
        return torch.cat([rows, value.tanh() * gate.sigmoid()], dim=1)


class Attention(nn.Module):
    """Each position reads from itself and those before it; what it reads is joined to it.

    Rows as in `Dense`. size: of a row. keys, values: K and V in the paper.
    """

    def __init__(self, size: int, keys: int, values: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(size, keys), nn.Linear(size, keys)
        self.value = nn.Linear(size, values)

    def forward(self, rows: Tensor, n_support: int) -> Tensor:
        """Rows [n, size + values] of rows [n, size]."""
        return torch.cat([rows, self.weights(rows, n_support) @ self.value(rows)], dim=1)

    def weights(self, rows: Tensor, n_support: int) -> Tensor:
        """How much each row reads from each [n, n]; every row sums to 1."""
        logits = self.query(rows) @ self.key(rows).T / self.key.out_features**0.5
        place = torch.arange(len(rows), device=rows.device)
        seen = (place <= place[:, None]) & (place < n_support) | (place == place[:, None])
        return F.softmax(logits.masked_fill(~seen, -torch.inf), dim=1)


class Reader(nn.Module):
    """The few-shot network: attention and temporal convolutions in turn, then the outputs.

    feature_size: of the backbone. slots: outputs, and labels of the support. length: T, the images
    of the longest sequence, its query included.
    """

    def __init__(
        self,
        feature_size: int,
        slots: int,
        length: int,
        *,
        features: int = 64,
        filters: int = 128,
        first_dilation: int = 2,
    ) -> None:
        super().__init__()
        self.slots = slots
        self.embed = nn.Linear(feature_size, features)
        dilations = [first_dilation << level for level in range(ceil(log2(length)))]
        blocks: list[Dense | Attention] = []
        size = features + slots
        for keys, values in ATTENTIONS:
            for dilation in dilations if blocks else ():
                blocks.append(Dense(size, filters, dilation))
                size += filters
            blocks.append(Attention(size, keys, values))
            size += values
        self.blocks = nn.ModuleList(blocks)
        self.output = nn.Linear(size, slots)

    def forward(self, known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
        """Outputs [n_query, slots] of support features [n, d], its labels and query features.

        Each query is the last of a sequence of its own. As none sees another, one pass has all.
        """
        told = F.one_hot(labels, self.slots).to(known)
        untold = told.new_zeros(len(asked), self.slots)
        features = self.embed(torch.cat([known, asked]))
        rows = torch.cat([features, torch.cat([told, untold])], dim=1)
        for block in self.blocks:
            rows = block(rows, len(known))
        outputs: Tensor = self.output(rows[len(known) :])
        return outputs


@dataclass
class SNAIL(ShuffledSlots, MetricMethod):
    """A network reads the support as a sequence of images with labels, and then a query without.

    The blocks are the paper's; their number and sizes for few-shot classification are those of the
    re-implementation eambutu/snail-pytorch, whose attention however normalises each key over the
    queries, and ours, as the paper's, each query over its keys. Each query has a sequence of its
    own, in an order and with slots that are drawn for each episode.

    backbone: trained from scratch; its features pass a further affine layer.
    features: the size of that layer; the paper has 384 on miniImageNet.
    filters: of each temporal convolution, D in the paper.
    first_dilation: of the temporal convolutions, doubled from each to the next. From the paper's 2
        on a block of them sees every other position only, and attention has to do the rest.
    shots: the most support images a class for which the network is built and trained, beginning
        with 1; by default the test's. The paper trains one network for 1 to 5.
    """

    name = "snail"
    paper = "arXiv:1707.03141"
    family = "black-box"
    order_dependent = True
    features: Annotated[int, Bounds(ge=1, le=4096)] = 64
    filters: Annotated[int, Bounds(ge=1, le=4096)] = 128
    first_dilation: Literal[1, 2] = 2
    shots: Annotated[int, Bounds(ge=1, le=1000)] | None = None

    def most_shots(self, task: Task) -> int:
        return self.shots or task.n_shot or 5

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        reader = Reader(
            feature_size,
            slots,
            slots * self.most_shots(task) + 1,
            features=self.features,
            filters=self.filters,
            first_dilation=self.first_dilation,
        )
        return {"reader": reader}

    def quick(self, task: Task) -> Recipe:
        """From one shot up to the most, about 180 images a step."""
        way, most = self.slots_for(task), self.most_shots(task)
        tasks = max(1, 360 // (way * (1 + most + 4)))
        shape = {"way": way, "shot": (1, most), "query": 2, "tasks": tasks}
        return shape | {"steps": 700, "lr": 1e-3}

    def published(self, task: Task) -> Recipe:
        """Shots drawn uniformly and Adam, as in the paper; the numbers are eambutu's.

        A sequence there has one query, here as many sequences as classes share their support.
        """
        shape = {"way": self.slots_for(task), "shot": (1, self.most_shots(task)), "query": 1}
        fixed = {"tasks": 32, "steps": 1_000_000, "lr": 1e-4, "validate_every": 10_000}
        return shape | fixed | {"schedule": constant, "optimizer": torch.optim.Adam}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        shuffle = self.shuffle(support)
        labels = shuffle.labels.to(query_features.device)
        outputs = self.network["reader"](support_features[shuffle.order], labels, query_features)
        return outputs[:, shuffle.slots]


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SNAIL)
