"""Methods that compare a query's features with the support's, trained episode by episode."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.method import Classifier, Method, Support, Task
from benchbench.source import LabelledEpisode, TrainingSource
from benchbench.training import fit

QUICK: dict[str, Any] = {"way": 60, "shot": 1, "query": 5, "steps": 640, "lr": 4e-3}
"""Two minutes on two cores."""


def class_means(features: Tensor, support: Support) -> Tensor:
    """The mean feature [n_way, d] of each class of a support with these features [n, d]."""
    members = F.one_hot(support.labels, support.n_way).to(features)
    return members.T @ features / members.sum(0)[:, None]


@dataclass
class MetricMethod(Method):
    """A method whose `scores` compare features, and whose loss is the queries' cross-entropy.

    A subclass says in `scores` how they are compared and in `published` how its paper trains. Where
    it learns more than a backbone, it says so in `further_modules`.

    backbone: trained from scratch, episode by episode.
    """

    network: nn.ModuleDict = field(init=False, repr=False, compare=False)
    backbone: str = "conv4"

    @property
    def encoder(self) -> Backbone:
        """The trained backbone."""
        backbone: Backbone = self.network["encoder"]  # type: ignore[assignment]
        return backbone

    def further_modules(self, feature_size: int) -> dict[str, nn.Module]:
        """What is learned beside the backbone, by name in `network`."""
        return {}

    def scores(self, asked: Tensor, known: Tensor, support: Support) -> Tensor:
        """Scores [n_query, n_way] of query features [n_query, d] by support features [n, d]."""
        raise NotImplementedError(f"{type(self).__name__} has no scores(asked, known, support)")

    def published(self, task: Task) -> dict[str, Any]:
        """The recipe of the paper: `way`, `shot`, `query`, and arguments of `fit`."""
        raise NotImplementedError(f"{type(self).__name__} has no published(task)")

    def train(self, source: TrainingSource) -> None:
        """On many classes at once, one support image each, unless the paper's recipe is wanted."""
        recipe = self.published(source.task) if source.budget.name == "paper" else dict(QUICK)
        shape = recipe.pop("way"), recipe.pop("shot"), recipe.pop("query")
        steps = source.budget.training_steps(
            smoke=20, quick=QUICK["steps"], paper=recipe.pop("steps")
        )
        encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        further = self.further_modules(encoder.feature_size)
        self.network = nn.ModuleDict({"encoder": encoder, **further})
        fit(source, self.network, self.loss, source.episodes(*shape), steps=steps, **recipe)

    def loss(self, episode: LabelledEpisode) -> Tensor:
        """The mean cross-entropy of the queries, in float32."""
        features = self.encoder(episode.images)
        # Distances in bf16 are wrong by some thousandths, which a scale multiplies.
        with torch.autocast(features.device.type, enabled=False):
            known, asked = features.float().split([len(episode.support.images), len(episode.query)])
            scores = self.scores(asked, known, episode.support)
            return F.cross_entropy(scores, episode.query_labels.to(scores.device))

    def adapt(self, support: Support) -> Classifier:
        known = self.encoder(support.images)
        return lambda images: self.scores(self.encoder(images), known, support)
