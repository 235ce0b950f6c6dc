"""BYOL (Grill et al., NeurIPS 2020, arXiv:2006.07733)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    LARS,
    Backbone,
    Bounds,
    ObjectiveRecipe,
    Pretraining,
    Share,
    Task,
    Teacher,
    hookimpl,
    mlp,
)


@dataclass
class BYOL(Pretraining):
    """Predicts a momentum teacher's embedding of the other view, and needs no other images.

    The loss is the mean of 2 - 2 cosines in both directions, added.

    momentum: what the teacher keeps of itself at the first step; it rises to 1 along half a cosine.
    width, size: of the hidden layer and output of projector and predictor; none is 512 and 128, and
        4096 and 256 in the paper budget.
    """

    name = "byol"
    paper = "arXiv:2006.07733"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    momentum: Share = 0.99
    width: Annotated[int, Bounds(ge=1)] | None = None
    size: Annotated[int, Bounds(ge=1)] | None = None

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        width, size = self.width or 512, self.size or 128
        projector = mlp(encoder.feature_size, width, size)
        predictor = mlp(size, width, size)
        teacher = Teacher([encoder, projector])
        return {"projector": projector, "predictor": predictor, "teacher": teacher}

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        predicted = (network["predictor"](each) for each in super().embed(network, views))
        return *predicted, *(network["teacher"](view) for view in views)

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        one, other, target, other_target = embedded
        return squared_distance(one, other_target) + squared_distance(other, target)

    def after_step(self, network: nn.ModuleDict, progress: float) -> None:
        teacher: Teacher = network["teacher"]  # type: ignore[assignment]
        teacher.follow([network["encoder"], network["projector"]], self.momentum, progress)

    def published(self, task: Task) -> ObjectiveRecipe:
        """solo-learn's on CIFAR."""
        lars = partial(LARS, trust=0.02, clipped=True)
        return ObjectiveRecipe(
            256,
            1.0,
            epochs=1000,
            warmup=0.01,
            weight_decay=1e-5,
            optimizer=lars,
            parameters={"width": 4096, "size": 256},
        )


def squared_distance(one: Tensor, other: Tensor) -> Tensor:
    """The mean squared distance of unit vectors in the directions of these [n, d]."""
    return 2 - 2 * F.cosine_similarity(one, other, dim=1).mean()


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(BYOL)
