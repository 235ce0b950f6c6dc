"""TiCo (Zhu, Moraes, Karakulak, Sobol, Canziani & LeCun, 2022, arXiv:2206.10698)."""

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
    RunningCovariance,
    Share,
    Task,
    Teacher,
    hookimpl,
    mlp,
)


@dataclass
class TiCo(Pretraining):
    """Makes a view agree with a momentum teacher's other view, away from where others have been.

    The loss is 1 less the mean cosine, and rho times the mean of z' C z, where C is a running mean
    of the second moments of the student's unit embeddings; it starts at 0, so that the loss first
    rises. A network that has collapsed has the loss rho.

    rho: the weight of the penalty.
    beta: the share that C keeps in a step; C is without gradient.
    momentum: what the teacher keeps of itself at the first step; it rises to 1 along half a cosine.
    width: of the projector's hidden layer; none is 512, and the paper's 4096 in the paper budget.
    size: of its output.
    """

    name = "tico"
    paper = "arXiv:2206.10698"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    rho: Annotated[float, Bounds(ge=0)] = 8.0
    beta: Share = 0.9
    momentum: Share = 0.99
    width: Annotated[int, Bounds(ge=1)] | None = None
    size: Annotated[int, Bounds(ge=1)] = 256

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        projector = mlp(encoder.feature_size, self.width or 512, self.size)
        return {
            "projector": projector,
            "teacher": Teacher([encoder, projector]),
            "covariance": RunningCovariance(self.size, self.beta),
        }

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return *super().embed(network, views[:1]), network["teacher"](views[1])

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        student, teacher = (F.normalize(each, dim=1) for each in embedded)
        covariance: RunningCovariance = network["covariance"]  # type: ignore[assignment]
        agreement = (student * teacher).sum(1).mean()
        return 1 - agreement + self.rho * covariance.penalty(student)

    def after_step(self, network: nn.ModuleDict, progress: float) -> None:
        teacher: Teacher = network["teacher"]  # type: ignore[assignment]
        teacher.follow([network["encoder"], network["projector"]], self.momentum, progress)

    def health(self, network: nn.ModuleDict, *embedded: Tensor) -> dict[str, float]:
        before = network["covariance"].state_dict()
        before = {name: tensor.clone() for name, tensor in before.items()}
        found = {"loss": float(self.loss(network, *embedded)), "rho": self.rho}
        network["covariance"].load_state_dict(before)
        return super().health(network, *embedded) | found

    def sickness(self, health: dict[str, float]) -> str:
        # A small rho is no more than views that do not agree cost.
        if health["rho"] > 2 and health["loss"] > health["rho"] - 1:
            return f"its loss is {health['loss']:.2f}, near rho = {health['rho']:g}"
        return super().sickness(health)

    def published(self, task: Task) -> ObjectiveRecipe:
        """A reproduction's on CIFAR-10 (sayannag/TiCo-pytorch), which has `rho=20`."""
        sgd = partial(torch.optim.SGD, momentum=0.9)
        return ObjectiveRecipe(
            256, 0.06, epochs=1000, warmup=0.01, optimizer=sgd, parameters={"width": 4096}
        )


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(TiCo)
