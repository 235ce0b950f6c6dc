"""Prototypical networks (Snell, Swersky & Zemel, NeurIPS 2017, arXiv:1703.05175)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from benchbench import (
    Classifier,
    LabelledEpisode,
    Method,
    Support,
    TrainingSource,
    create_backbone,
    fit,
    hookimpl,
    step_decay,
)


@dataclass
class ProtoNet(Method):
    """The class whose prototype, the mean of its support features, is nearest.

    Scores are minus the squared Euclidean distance, not divided by the dimension (section 2.3), or
    the cosine times `scale`. Training episodes have a larger way than the test's (section 2.6).

    backbone: trained from scratch, episode by episode.
    distance: `euclidean` (squared) or `cosine`.
    scale: of the cosine, unused otherwise.
    """

    name = "protonet"
    paper = "arXiv:1703.05175"
    backbone: str = "conv4"
    distance: Literal["euclidean", "cosine"] = "euclidean"
    scale: float = 10.0

    def train(self, source: TrainingSource) -> None:
        """The paper budget is the recipe for Omniglot: 60-way, the test's shot, 5 queries, Adam at
        1e-3 halved every 2000 episodes, at most 200 validations without a better one.
        """
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        published = source.budget.name == "paper"
        way = source.budget.choose(smoke=20, quick=60, paper=60)
        shot = (source.task.n_shot or 1) if published else 1
        fit(
            source,
            self.encoder,
            self.loss,
            source.episodes(way, shot, query=5),
            steps=source.budget.training_steps(smoke=20, quick=640, paper=100_000),
            lr=1e-3 if published else 4e-3,
            schedule=step_decay(2000) if published else None,
            validate_every=100 if published else None,
            patience=200 if published else None,
        )

    def loss(self, episode: LabelledEpisode) -> torch.Tensor:
        features = self.encoder(episode.images)
        known, asked = features.float().split([len(episode.support.images), len(episode.query)])
        scores = self.scores(asked, prototypes(known, episode.support))
        return F.cross_entropy(scores, episode.query_labels.to(scores.device))

    def adapt(self, support: Support) -> Classifier:
        centres = prototypes(self.encoder(support.images), support)
        return lambda images: self.scores(self.encoder(images), centres)

    def scores(self, features: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
        if self.distance == "cosine":
            return self.scale * F.normalize(features, dim=1) @ F.normalize(centres, dim=1).T
        return -(features[:, None] - centres).square().sum(2)


def prototypes(features: torch.Tensor, support: Support) -> torch.Tensor:
    """The mean feature of each class [n_way, d]."""
    members = F.one_hot(support.labels, support.n_way).to(features)
    return members.T @ features / members.sum(0)[:, None]


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ProtoNet)
