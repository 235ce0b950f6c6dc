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
    BlackBoxMethod,
    Bounds,
    CausalAttention,
    CausalConvolution,
    Recipe,
    Task,
    constant,
    hookimpl,
)

ATTENTIONS = ((64, 32), (256, 128), (512, 256))
"""Keys and values of each attention; temporal convolutions come between two of them."""


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
        blocks: list[CausalConvolution | CausalAttention] = []
        size = features + slots
        for keys, values in ATTENTIONS:
            for dilation in dilations if blocks else ():
                blocks.append(CausalConvolution(size, filters, dilation))
                size += filters
            blocks.append(CausalAttention(size, keys, values))
            size += values
        self.blocks = nn.ModuleList(blocks)
        self.output = nn.Linear(size, slots)

    def forward(self, known: Tensor, told: Tensor, asked: Tensor) -> Tensor:
        """Outputs [b, n_query, slots] of supports, their one-hot labels, and queries.

        Each query is the last of a sequence of its own. As none sees another, one pass has all.
        """
        count, queries = known.shape[1], asked.shape[1]
        features = self.embed(torch.cat([known, asked], dim=1))
        rows = torch.cat([features, F.pad(told, (0, 0, 0, queries))], dim=2)
        for block in self.blocks:
            rows = block(rows, count)
        outputs: Tensor = self.output(rows[:, count:])
        return outputs


@dataclass
class SNAIL(BlackBoxMethod):
    """A network reads the support as a sequence of images with labels, and then a query without.

    The blocks are the paper's; their number and sizes for few-shot classification are those of the
    re-implementation eambutu/snail-pytorch, whose attention however normalises each key over the
    queries, and ours, as the paper's, each query over its keys. Each query has a sequence of its
    own, in an order and with slots that are drawn for each episode.

    backbone: trained from scratch in the paper's budget, and in others the shared classifier's,
        frozen; its features pass a further affine layer.
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
        """On the features of the shared classifier, from one shot up to the most."""
        shape = {"way": self.slots_for(task), "shot": (1, self.most_shots(task)), "query": 2}
        loop = {"tasks": 32, "steps": 600, "lr": 1e-3}
        return shape | loop | {"frozen_classifier": True}

    def published(self, task: Task) -> Recipe:
        """Shots drawn uniformly and Adam, as in the paper; the numbers are eambutu's.

        A sequence there has one query, here as many sequences as classes share their support.
        """
        shape = {"way": self.slots_for(task), "shot": (1, self.most_shots(task)), "query": 1}
        fixed = {"tasks": 32, "steps": 1_000_000, "lr": 1e-4, "validate_every": 10_000}
        return shape | fixed | {"schedule": constant, "optimizer": torch.optim.Adam}

    def read(self, known: Tensor, told: Tensor, asked: Tensor) -> Tensor:
        outputs: Tensor = self.network["reader"](known, told, asked)
        return outputs


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SNAIL)
