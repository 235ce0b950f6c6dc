"""k nearest neighbours: the baseline of Meta-Dataset (arXiv:1903.03096) is its `k = 1`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from benchbench import (
    Classifier,
    Images,
    Method,
    Support,
    TrainingSource,
    create_backbone,
    fit_classifier,
    hookimpl,
)


@dataclass
class KNN(Method):
    """Each query gets the class of its nearest support images.

    k: how many neighbours vote, each with the same weight; ties go to the nearer ones.
    backbone: `pixels`, or a network that is first trained to classify the training classes.
    distance: between features; `cosine` is one minus the cosine.
    """

    name = "knn"
    paper = "arXiv:1903.03096"
    k: int = 1
    backbone: str = "pixels"
    distance: Literal["euclidean", "cosine"] = "euclidean"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError("k must be at least 1")

    def train(self, source: TrainingSource) -> None:
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        fit_classifier(source, self.encoder)

    def adapt(self, support: Support) -> Classifier:
        known = self.features(support.images)
        k = min(self.k, len(known))
        votes = F.one_hot(support.labels, support.n_way).float()

        def classify(images: Images) -> torch.Tensor:
            nearest = torch.cdist(self.features(images), known).topk(k, largest=False)
            tie_break = torch.linspace(1e-3, 0, k)
            return (votes[nearest.indices] * (1 + tie_break[:, None])).sum(1)

        return classify

    def features(self, images: Images) -> torch.Tensor:
        features = self.encoder(images).cpu()
        return F.normalize(features, dim=1) if self.distance == "cosine" else features


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(KNN)
