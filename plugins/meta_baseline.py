"""Meta-Baseline (Chen, Liu, Xu, Darrell & Wang, ICCV 2021, arXiv:2003.04390)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    ClassifierRecipe,
    MetricMethod,
    Recipe,
    Scale,
    Support,
    Task,
    TrainingPhase,
    class_means,
    constant,
    hookimpl,
)


@dataclass
class MetaBaseline(MetricMethod):
    """A classifier of the training classes that goes on to learn from episodes.

    Scores are the cosines to the class means, of features that are not scaled before, times a
    learned factor. The accuracy on new classes is highest early in the second stage, so that it is
    validated often. The classifier is the one that `knn` and its like share, not the authors'.

    backbone: first trained to classify the training classes, unless it comes with weights.
    """

    name = "meta_baseline"
    paper = "arXiv:2003.04390"
    family = "metric-based"
    pretrained = True

    def quick(self, task: Task) -> Recipe:
        """A short second stage of many classes at a small rate.

        At 3e-4 what the first stage had learned was lost in part: 95.8 % on Omniglot, 5-way 1-shot,
        in place of 96.4.
        """
        return {"way": 20, "shot": task.n_shot or 1, "query": 5, "steps": 300, "lr": 5e-5}

    def published(self, task: Task) -> Recipe:
        """The authors' code: 100 epochs of classification, then 20 of 200 steps of 4 episodes.

        Drawings, which the paper does not have, are classified as by all methods.
        """
        stages = (TrainingPhase(90, 0.1), TrainingPhase(10, 0.01))
        classifier = ClassifierRecipe(stages, batch=128, weight_decay=5e-4, augment="crop+flip")
        return {
            "classifier": classifier if task.image_shape[2] == 3 else None,
            "way": 5,
            "shot": task.n_shot or 1,
            "query": 15,
            "tasks": 4,
            "steps": 4000,
            "validate_every": 200,
            "lr": 1e-3,
            "optimizer": partial(torch.optim.SGD, momentum=0.9),
            "weight_decay": 5e-4,
            "schedule": constant,
        }

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"scale": Scale(10.0)}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        means = F.normalize(class_means(support_features, support), dim=1)
        scores: Tensor = self.network["scale"](F.normalize(query_features, dim=1) @ means.T)
        return scores


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MetaBaseline)
