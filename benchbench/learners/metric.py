"""Methods that compare a query's features with the support's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.learners.episodic import EpisodicMethod, Recipe
from benchbench.method import Classifier, Support, Task
from benchbench.training.streams import LabelledEpisode


def class_means(features: Tensor, support: Support) -> Tensor:
    """Mean features [n_way, d] of a support's features [n, d]; 0 for a class without support."""
    members = F.one_hot(support.labels, support.n_way).to(features)
    return members.T @ features / members.sum(0).clamp(min=1)[:, None]


@dataclass
class MetricMethod(EpisodicMethod):
    """A method whose `scores` compare features, and whose loss is the queries' cross-entropy."""

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        """Scores [n_query, n_way] of query features [n_query, d] by support features [n, d]."""
        raise NotImplementedError(
            f"{type(self).__name__} has no scores(query_features, support_features, support)"
        )

    def quick(self, task: Task) -> Recipe:
        """A recipe for every way and shot; images in colour need more shots than drawings."""
        if task.image_shape[2] == 1:
            return {"way": 60, "shot": 1, "query": 5, "steps": 640, "lr": 4e-3}
        return {"way": 20, "shot": 5, "query": 5, "steps": 1200, "lr": 2e-3}

    def loss(self, episode: LabelledEpisode) -> Tensor:
        features = self.encoder(episode.images)
        # Distances in bf16 are wrong by some thousandths, which a scale multiplies.
        with torch.autocast(features.device.type, enabled=False):
            support, query = features.float().split(
                [len(episode.support.images), len(episode.query)]
            )
            scores = self.scores(query, support, episode.support)
            return F.cross_entropy(scores, episode.query_labels.to(scores.device))

    def adapt(self, support: Support) -> Classifier:
        features = self.encoder(support.images)
        return lambda images: self.scores(self.encoder(images), features, support)
