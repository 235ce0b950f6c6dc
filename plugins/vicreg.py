"""VICReg (Bardes, Ponce & LeCun, ICLR 2022, arXiv:2105.04906)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    LARS,
    Backbone,
    Bounds,
    ObjectiveRecipe,
    Pretraining,
    RunningCovariance,
    Task,
    hookimpl,
    mlp,
)


@dataclass
class VICReg(Pretraining):
    """Makes the views of an image agree, each feature vary, and no two features covary.

    The mean squared error is over images and features, as in the authors' code (the paper's is
    of squared distances, larger by the number of features).

    invariance, variance, decorrelation: the weights of the three terms; none is 1, or 2 with TiCo's
        covariance, of which no gradient goes through one factor.
    covariance: that of the `batch`; or TiCo's running one (`tico`), which no paper has: it replaces
        the third term by the mean of z' C z over centred embeddings of both views, divided by their
        size, where C is without gradient.
    width: of the projector's three layers; none is 512, and 2048 in the paper budget. The paper's,
        on ImageNet, is 8192.
    """

    name = "vicreg"
    paper = "arXiv:2105.04906"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    invariance: Annotated[float, Bounds(ge=0)] = 25.0
    variance: Annotated[float, Bounds(ge=0)] = 25.0
    decorrelation: Annotated[float, Bounds(ge=0)] | None = None
    covariance: Literal["batch", "tico"] = "batch"
    width: Annotated[int, Bounds(ge=1)] | None = None

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        width = self.width or 512
        modules: dict[str, nn.Module] = {"projector": mlp(encoder.feature_size, *[width] * 3)}
        if self.covariance == "tico":
            modules["covariances"] = nn.ModuleList(RunningCovariance(width) for _ in range(2))
        return modules

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        invariance = self.invariance * F.mse_loss(*embedded)
        variance = self.variance * sum(map(variance_loss, embedded)) / 2
        if self.covariance == "batch":
            third = self._weight(1.0) * sum(map(covariance_loss, embedded))
        else:
            pairs = zip(network["covariances"], embedded, strict=True)  # type: ignore[arg-type]
            third = self._weight(2.0) * sum(
                running.penalty(z - z.mean(0)) / z.shape[1] for running, z in pairs
            )
        return torch.as_tensor(invariance + variance + third)

    def _weight(self, default: float) -> float:
        return default if self.decorrelation is None else self.decorrelation

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
            parameters={"width": 2048},
        )


def variance_loss(features: Tensor) -> Tensor:
    """How far the standard deviations of features [n, d] fall short of 1, on average."""
    return F.relu(1 - (features.var(0) + 1e-4).sqrt()).mean()


def covariance_loss(features: Tensor) -> Tensor:
    """The squared covariances between different features [n, d], summed and divided by d."""
    centred = features - features.mean(0)
    squares = (centred.T @ centred / (len(features) - 1)).square()
    return (squares.sum() - squares.diagonal().sum()) / features.shape[1]


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(VICReg)
