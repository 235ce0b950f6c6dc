"""Meta-Baseline (Chen, Liu, Xu, Darrell & Wang, ICCV 2021, arXiv:2003.04390)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import MetricMethod, Recipe, Support, Task, class_means, constant, hookimpl


class Temperature(nn.Module):
    """A factor on cosines that is learned, from `initial` on."""

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(initial))

    def forward(self, cosines: Tensor) -> Tensor:
        return self.factor * cosines


@dataclass
class MetaBaseline(MetricMethod):
    """A classifier of the training classes that goes on to learn from episodes, by cosines.

    Stage 1 is the classifier of all training classes that `knn` has as well, with its recipe in
    place of the paper's (SGD at 0.1 with crops and flips). Stage 2 trains all of a copy on episodes
    of the test's shot. Scores are tau times the cosine of a query and the mean of a class's
    features, which are not normalised before the mean. Without stage 2 this is the paper's
    Classifier-Baseline. The weights kept are the best of stage 2, never those of stage 1.

    backbone: first trained to classify the training classes, unless it comes with weights.
    tau: the factor on the cosine with which stage 2 begins; it is learned.
    """

    name = "meta_baseline"
    paper = "arXiv:2003.04390"
    pretrained = True
    tau: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tau <= 0:
            raise ValueError("tau must be above 0")

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"temperature": Temperature(self.tau)}

    def quick(self, task: Task) -> Recipe:
        """Few steps at a low rate, on the test's shot up to 5."""
        shot = min(task.n_shot or 1, 5)
        return {"way": 20, "shot": shot, "query": 5, "steps": 300, "lr": 3e-4, "validate_every": 30}

    def published(self, task: Task) -> Recipe:
        """20 epochs of 200 steps of 4 episodes, validated after each epoch (section 4.1)."""
        return {
            "way": task.n_way or 5,
            "shot": task.n_shot or 1,
            "query": 15,
            "tasks": 4,
            "steps": 4000,
            "lr": 1e-3,
            "schedule": constant,
            "optimizer": partial(torch.optim.SGD, momentum=0.9),
            "weight_decay": 5e-4,
            "validate_every": 200,
        }

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        means = F.normalize(class_means(support_features, support), dim=1)
        scores: Tensor = self.network["temperature"](F.normalize(query_features, dim=1) @ means.T)
        return scores


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MetaBaseline)
