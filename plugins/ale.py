"""ALE, attribute label embedding (Akata et al., CVPR 2013 and TPAMI 2016, arXiv:1503.08677)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from benchbench import Bounds, DescribedMethod, Rule, SeenClasses, fit_bilinear, hookimpl


@dataclass
class ALE(DescribedMethod):
    """As `devise`, with a loss that weighs a violation by the rank that it suggests (WARP).

    Other classes are drawn until one violates the margin. After k draws the rank is (C - 1) / k
    rounded down, and the weight the sum of 1 / r up to it.

    margin: by which the own class should score more than the others; the paper's 1 is for vectors
        that are not of unit length.
    lr: of Adam, falling to zero along half a cosine; the paper has a constant rate of SGD.
    """

    name = "ale"
    paper = "arXiv:1503.08677"
    family = "zero-shot"
    margin: Annotated[float, Bounds(ge=0)] = 0.1
    lr: Annotated[float, Bounds(gt=0)] = 0.01

    def rule(self, seen: SeenClasses) -> Rule:
        def loss(scores: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
            keys = torch.rand(scores.shape, generator=generator)
            return warp(scores, labels, keys, self.margin)

        return fit_bilinear(seen, loss, steps=self.steps, lr=self.lr, seed=self.seed)


def warp(scores: Tensor, labels: Tensor, keys: Tensor, margin: float) -> Tensor:
    """The mean over images of the weighted violation; 0 of an image without one.

    scores: [n, c]. keys: [n, c] random numbers below 1, by which the other classes are drawn in
    turn, the smallest first.
    """
    own = labels[:, None]
    keys = keys.scatter(1, own, 2.0)  # The own class is never drawn.
    violations = margin - scores.gather(1, own) + scores
    first = keys.masked_fill(violations <= 0, 2.0).min(1, keepdim=True)
    draws = 1 + (keys < first.values).sum(1)
    found = (first.values[:, 0] < 1) * violations.gather(1, first.indices)[:, 0]
    return (rank_weights(scores.shape[1])[(scores.shape[1] - 1) // draws] * found).mean()


def rank_weights(classes: int) -> Tensor:
    """The weight of each rank from 0 on, float64 [classes]."""
    harmonic = (1 / torch.arange(1, classes).double()).cumsum(0)
    return torch.cat([torch.zeros(1).double(), harmonic])


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ALE)
