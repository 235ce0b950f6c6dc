"""R2-D2 (Bertinetto, Henriques, Torr & Vedaldi, ICLR 2019, arXiv:1805.08136)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    MetricMethod,
    Recipe,
    Support,
    Task,
    TrainingSource,
    hookimpl,
    ridge,
    step_decay,
)


class Calibration(nn.Module):
    """A learned scale and shift of all scores. first: the scale to begin with."""

    def __init__(self, first: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(first))
        self.shift = nn.Parameter(torch.zeros(()))


@dataclass
class R2D2(MetricMethod):
    """Ridge regression on the support's features, through whose solution the network learns.

    Features get a constant 1, whose weight is penalised as the others are, and the penalty is `lam`
    times the number of support images, as the authors' code divides features and labels by its
    root. The authors have a wider network, of which two layers' features are joined; here they are
    the backbone's. Their queries fill up a fixed number of images, here there are equally many at
    each shot; they keep weights for 1 and for 5 shots apart, here the test's shot decides.

    backbone: trained from scratch, unless it comes with weights.
    lam: the penalty, which is fixed, as in the authors' code; none is the recipe's, which is theirs
        for the paper budget, and 1 for fewer steps and features.
    """

    name = "r2d2"
    paper = "arXiv:1805.08136"
    family = "optimisation-based"
    penalty: float = field(init=False, repr=False, compare=False)
    lam: Annotated[float, Bounds(gt=0)] | None = None

    def quick(self, task: Task) -> Recipe:
        """As other metric methods; the scale has a larger rate."""
        return super().quick(task) | {"rates": {"calibration": 25.0}, "lam": 1.0}

    def published(self, task: Task) -> Recipe:
        """60-way on Omniglot, 20-way on CIFAR-FS and 16-way elsewhere; from 1 to 9 shots."""
        omniglot, small = task.dataset.startswith("omniglot"), task.dataset.startswith("cifar")
        return {
            "way": 60 if omniglot else 20 if small else 16,
            "shot": (1, 9),
            "query": 5 if omniglot else 7 if small else 10,
            "steps": 120_000,
            "lr": 5e-3,
            "optimizer": torch.optim.Adam,
            "schedule": step_decay(2000),
            "validate_every": 100,
            "patience": 200,
            "lam": 50.0,
        }

    def recipe(self, source: TrainingSource) -> Recipe:
        recipe = super().recipe(source)
        default = recipe.pop("lam")
        self.penalty = default if self.lam is None else self.lam
        return recipe

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        tiny = task.dataset.startswith("miniimagenet")
        return {"calibration": Calibration(1e-4 if tiny else 10.0)}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        known, asked = (with_constant(each.double()) for each in (support_features, query_features))
        labels = F.one_hot(support.labels, support.n_way).to(known)
        dual = ridge(known @ known.T, labels, self.penalty * len(known))
        plain = asked @ (known.T @ dual)
        learned = self.network["calibration"]
        return learned.scale * plain.to(query_features.dtype) + learned.shift


def with_constant(features: Tensor) -> Tensor:
    """Features [n, d + 1], of which the last is 1."""
    return F.pad(features, (0, 1), value=1.0)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(R2D2)
