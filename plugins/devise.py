"""DeViSE (Frome et al., NeurIPS 2013): a ranking loss on a linear map to class vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from benchbench import Bounds, DescribedMethod, Rule, SeenClasses, fit_bilinear, hookimpl


@dataclass
class DeViSE(DescribedMethod):
    """A linear map of features; a class scores the product with its unit vector.

    The loss of an image is the sum over other training classes of max(0, margin - own + other). The
    paper sums until the first class that violates the margin, and trains the network as well.

    margin: by which the own class should score more than the others.
    lr: of Adam, falling to zero along half a cosine; the paper has Adagrad.
    """

    name = "devise"
    paper = "https://papers.nips.cc/paper/5204-devise-a-deep-visual-semantic-embedding-model"
    family = "zero-shot"
    margin: Annotated[float, Bounds(ge=0)] = 0.1
    lr: Annotated[float, Bounds(gt=0)] = 0.01

    def rule(self, seen: SeenClasses) -> Rule:
        def loss(scores: Tensor, labels: Tensor, _: torch.Generator) -> Tensor:
            return hinge(scores, labels, self.margin)

        return fit_bilinear(seen, loss, steps=self.steps, lr=self.lr, seed=self.seed)


def hinge(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """The mean over images of the sum over other classes; scores [n, c]."""
    own = scores.gather(1, labels[:, None])
    each = (margin - own + scores).clamp_min(0).sum(1)
    return (each - margin).mean()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(DeViSE)
