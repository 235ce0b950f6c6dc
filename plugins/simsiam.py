"""SimSiam (Chen & He, CVPR 2021, arXiv:2011.10566)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import Backbone, ObjectiveRecipe, Pretraining, Task, hookimpl, mlp


@dataclass
class SimSiam(Pretraining):
    """Predicts the embedding of the other view by the same network, through which no gradient goes.

    The authors keep the rate of the predictor as it is; here it falls with the others.

    width: of the projector's two layers.
    hidden: of the predictor's hidden layer.
    """

    name = "simsiam"
    paper = "arXiv:2011.10566"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    width: int = 512
    hidden: int = 128

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        projector = mlp(encoder.feature_size, self.width, self.width, last_norm=True)
        return {"projector": projector, "predictor": mlp(self.width, self.hidden, self.width)}

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
        """The paper's on CIFAR-10, with `width=2048,hidden=512` there."""
        sgd = partial(torch.optim.SGD, momentum=0.9)
        return ObjectiveRecipe(512, 0.06, epochs=800, weight_decay=5e-4, optimizer=sgd)


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """The mean cosine of pairs [n, d]."""
    return F.cosine_similarity(one, other, dim=1).mean()


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(SimSiam)
