"""k nearest neighbours; with `k = 1`, the baseline of Meta-Dataset (arXiv:1903.03096)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F

from benchbench import Bounds, Classifier, Images, PretrainedMethod, Support, hookimpl


@dataclass
class KNN(PretrainedMethod):
    """Each query gets the class of its nearest support images.

    k: how many neighbours vote.
    temperature: none is equal votes, of which ties go to the nearer neighbours. A number gives a
        neighbour the vote exp(cosine / temperature), as DINO's evaluation (arXiv:2104.14294) does
        with k=20 and 0.07.
    backbone: first trained to classify the training classes, unless it comes with weights; `pixels`
        compares the images themselves.
    distance: between features; `cosine` is one minus the cosine.
    """

    name = "knn"
    paper = "arXiv:1903.03096"
    family = "transfer"
    k: int = 1
    distance: Literal["euclidean", "cosine"] = "cosine"
    temperature: Annotated[float, Bounds(gt=0)] | None = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError("k must be at least 1")
        if self.temperature is not None and self.distance != "cosine":
            raise ValueError("a temperature needs distance=cosine")

    def adapt(self, support: Support) -> Classifier:
        support_features = self.features(support.images)
        k = min(self.k, len(support_features))
        votes = F.one_hot(support.labels, support.n_way).float()

        def classify(images: Images) -> torch.Tensor:
            if self.temperature is not None:
                cosines, places = (self.features(images) @ support_features.T).topk(k)
                # As seen from the nearest, so that no temperature is too low for the numbers.
                weights = ((cosines - cosines[:, :1]) / self.temperature).exp()
                return (votes[places] * weights[..., None]).sum(1)
            distances = torch.cdist(self.features(images), support_features)
            nearest = distances.topk(k, largest=False)
            tie_break = torch.linspace(1e-3, 0, k)
            return (votes[nearest.indices] * (1 + tie_break[:, None])).sum(1)

        return classify

    def features(self, images: Images) -> torch.Tensor:
        features = self.encoder(images).cpu()
        return F.normalize(features, dim=1) if self.distance == "cosine" else features


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(KNN)
