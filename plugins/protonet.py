"""Prototypical networks (Snell, Swersky & Zemel, NeurIPS 2017, arXiv:1703.05175)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from benchbench import MetricMethod, Recipe, Support, Task, class_means, hookimpl, step_decay


@dataclass
class ProtoNet(MetricMethod):
    """Each query gets the class whose prototype, the mean of its support features, is nearest.

    Scores are minus the squared Euclidean distance, not divided by the dimension (section 2.3), or
    the cosine times `scale`. Training episodes have a larger way than the test's (section 2.6).

    backbone: trained from scratch, episode by episode.
    distance: `euclidean` (squared) or `cosine`.
    scale: the factor on the cosine, unused otherwise.
    bn: the statistics that normalise an episode: `running` ones of the training, those of its
        support, or TaskNorm's blend of these with an image's own (`task`).
    """

    name = "protonet"
    paper = "arXiv:1703.05175"
    family = "metric-based"
    distance: Literal["euclidean", "cosine"] = "euclidean"
    scale: float = 10.0
    bn: Literal["running", "support", "task"] = "running"

    def quick(self, task: Task) -> Recipe:
        """Drawings take fewer queries and more steps than other metric methods: 3/5 of the time."""
        if task.image_shape[2] == 1:
            return {"way": 40, "shot": 1, "query": 3, "steps": 900, "lr": 4e-3}
        return super().quick(task)

    def published(self, task: Task) -> Recipe:
        """60-way episodes on Omniglot (section 3.1); elsewhere the recipe for miniImageNet (3.2).

        The rate is halved every 2000 episodes. Validation comes every 100 episodes, and training
        ends after 200 validations without a better one.
        """
        shot = task.n_shot or 1
        omniglot = task.dataset.startswith("omniglot")
        return {
            "way": 60 if omniglot else 30 if shot == 1 else 20,
            "shot": shot,
            "query": 5 if omniglot else 15,
            "steps": 100_000,
            "lr": 1e-3,
            "schedule": step_decay(2000),
            "validate_every": 100,
            "patience": 200,
        }

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        prototypes = class_means(support_features, support)
        if self.distance == "cosine":
            cosines = F.normalize(query_features, dim=1) @ F.normalize(prototypes, dim=1).T
            return self.scale * cosines
        return -(query_features[:, None] - prototypes).square().sum(2)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ProtoNet)
