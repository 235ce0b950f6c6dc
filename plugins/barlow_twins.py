"""Barlow Twins (Zbontar, Jing, Misra, LeCun & Deny, ICML 2021, arXiv:2103.03230)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from torch import Tensor, nn

from benchbench import (
    LARS,
    Backbone,
    Bounds,
    ObjectiveRecipe,
    Pretraining,
    Task,
    hookimpl,
    mlp,
)


@dataclass
class BarlowTwins(Pretraining):
    """Makes each feature agree between the views of an image, and no two features alike.

    The correlations are of the batch, with biased variances, as in the authors' code.

    redundancy: the weight of the correlations between features.
    width: of the projector's three layers; none is 512, and 2048 in the paper budget. The paper's,
        on ImageNet, is 8192.
    scale: a factor on the loss; none is 1, and 0.1 in the paper budget.
    """

    name = "barlow_twins"
    paper = "arXiv:2103.03230"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    redundancy: float = 0.005
    width: Annotated[int, Bounds(ge=1)] | None = None
    scale: float | None = None

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        return {"projector": mlp(encoder.feature_size, *[self.width or 512] * 3)}

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        scale = 1.0 if self.scale is None else self.scale
        return scale * barlow_loss(*embedded, redundancy=self.redundancy)

    def published(self, task: Task) -> ObjectiveRecipe:
        """solo-learn's on CIFAR."""
        lars = partial(LARS, trust=0.02, clipped=True)
        return ObjectiveRecipe(
            256,
            0.3,
            epochs=1000,
            warmup=0.01,
            weight_decay=1e-4,
            optimizer=lars,
            parameters={"width": 2048, "scale": 0.1},
        )


def barlow_loss(one: Tensor, other: Tensor, redundancy: float) -> Tensor:
    """The squares of the correlations [d, d] of two views [n, d] less the identity, weighted."""
    first, second = standardised(one), standardised(other)
    difference = first.T @ second / len(one)
    difference.diagonal().sub_(1)
    squares = difference.square()
    own = squares.diagonal().sum()
    return own + redundancy * (squares.sum() - own)


def standardised(features: Tensor) -> Tensor:
    """Features [n, d] of mean 0 and biased variance 1, as batch norm makes them."""
    centred = features - features.mean(0)
    return centred * (centred.square().mean(0) + 1e-5).rsqrt()


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(BarlowTwins)
