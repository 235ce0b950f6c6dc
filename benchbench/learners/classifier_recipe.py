"""How a classifier of the training classes is learned, where it is not the one that all share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch

from benchbench.training.optimizers import OptimizerKind
from benchbench.training.schedules import Schedule, constant, cosine


@dataclass(frozen=True)
class TrainingPhase:
    """Some epochs at the rate `lr`, or from it to zero along half a cosine if it `falls`."""

    epochs: int
    lr: float
    falls: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.lr <= 0:
            raise ValueError("a phase needs an epoch or more, and a rate above 0")


@dataclass(frozen=True)
class ClassifierRecipe:
    """How `fit_classifier` learns; plain values, as equal recipes share one training.

    phases: the epochs and their rates, one phase after the other. batch: images of a step.
    momentum, nesterov: of `sgd` alone. weight_decay: a part of the gradient in `sgd` and `adam`,
    apart from it in `adamw`. label_smoothing: the share that is spread over all classes. augment: a
    spec of augmentations. Raises ValueError if there is no phase or a batch of none.
    """

    phases: tuple[TrainingPhase, ...]
    batch: int = 256
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augment: str | None = None

    def __post_init__(self) -> None:
        if not self.phases or self.batch < 1:
            raise ValueError("a recipe of a classifier needs a phase, and an image or more a batch")

    def arguments(self, per_epoch: int) -> dict[str, Any]:
        """Arguments of `fit`, if an epoch has so many steps."""
        return {
            "steps": per_epoch * sum(phase.epochs for phase in self.phases),
            "lr": self.phases[0].lr,
            "schedule": self._schedule(per_epoch),
            "optimizer": self._optimizer(),
            "weight_decay": self.weight_decay,
        }

    def _optimizer(self) -> OptimizerKind:
        if self.optimizer == "sgd":
            return partial(torch.optim.SGD, momentum=self.momentum, nesterov=self.nesterov)
        return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.optimizer]

    def _schedule(self, per_epoch: int) -> Schedule:
        """The factor on the first phase's rate."""
        parts: list[tuple[int, float, Schedule]] = []
        start = 0
        for phase in self.phases:
            steps = phase.epochs * per_epoch
            shape = cosine(steps) if phase.falls else constant
            parts.append((start, phase.lr / self.phases[0].lr, shape))
            start += steps

        def factor(step: int) -> float:
            start, share, shape = next(part for part in reversed(parts) if step >= part[0])
            return share * shape(step - start)

        return factor
