"""SimSiam (Chen & He, CVPR 2021, arXiv:2011.10566)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Backbone,
    Bounds,
    ObjectiveRecipe,
    Pretraining,
    Task,
    hookimpl,
    mlp,
)


@dataclass
class SimSiam(Pretraining):
    """Predicts the embedding of the other view by the same network, through which no gradient goes.

    The authors keep the rate of the predictor as it is; here it falls with the others.

    width: of the projector's two layers; none is 512, and 2048 in the paper budget.
    hidden: of the predictor's hidden layer; none is 128, and 512 in the paper budget.
    """

    name = "simsiam"
    paper = "arXiv:2011.10566"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    width: Annotated[int, Bounds(ge=1)] | None = None
    hidden: Annotated[int, Bounds(ge=1)] | None = None

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        width, hidden = self.width or 512, self.hidden or 128
        projector = mlp(encoder.feature_size, width, width, last_norm=True)
        return {"projector": projector, "predictor": mlp(width, hidden, width)}

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        targets = super().embed(network, views)
        predicted = (network["predictor"](each) for each in targets)
        return *predicted, *(each.detach() for each in targets)

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        one, other, target, other_target = embedded
        return -(cosine(one, other_target) + cosine(other, target)) / 2

    def health(self, network: nn.ModuleDict, *embedded: Tensor) -> dict[str, float]:
        return super().health(network, embedded[2])

    def published(self, task: Task) -> ObjectiveRecipe:
        """The paper's on CIFAR-10."""
        sgd = partial(torch.optim.SGD, momentum=0.9)
        return ObjectiveRecipe(
            512,
            0.06,
            epochs=800,
            weight_decay=5e-4,
            optimizer=sgd,
            parameters={"width": 2048, "hidden": 512},
        )


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """The mean cosine of pairs [n, d]."""
    return F.cosine_similarity(one, other, dim=1).mean()


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(SimSiam)
