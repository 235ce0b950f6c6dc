"""Prototypes refined by unlabelled images (Ren et al., ICLR 2018, arXiv:1803.00676)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    MetricMethod,
    Recipe,
    Support,
    Task,
    class_means,
    hookimpl,
    step_decay,
)

WITHOUT: Recipe = {"validate_on": {"unlabelled": 0, "distractors": 0}}


@dataclass
class SoftKMeansProtoNet(MetricMethod):
    """Prototypes take a step of soft k-means over the unlabelled images of an episode.

    Each such image counts for every class, by the softmax of minus its squared distances (section
    3.1.1). Without unlabelled images it is `protonet`, and so is its training unless `trained`.

    backbone: trained from scratch, episode by episode.
    refine: `plain`; with a `cluster` at the origin, of a radius of its own, for what is of no class
        (3.1.2); or `masked`: near images count fully and far ones hardly (3.1.3).
    trained: whether training episodes have unlabelled images as well, 5 of each class and of as
        many others if the test has any (three fewer queries on drawings). The radius and the mask
        are then learned. The mask is else 1 / (1 + exp(sharpness (d - 1))) of a distance d in units
        of the mean, which is not of the paper.
    scale: the factor on squared distances in the shares; below 1 they are softer.
    radius: of the cluster, or the one that training begins with.
    sharpness: of the mask that is not learned.
    """

    name = "soft_kmeans_protonet"
    paper = "arXiv:1803.00676"
    family = "semi-supervised"
    uses_unlabelled = True
    refine: Literal["plain", "cluster", "masked"] = "plain"
    trained: bool = False
    scale: Annotated[float, Bounds(gt=0)] = 1.0
    radius: Annotated[float, Bounds(gt=0)] = 100.0
    sharpness: Annotated[float, Bounds(gt=0)] = 10.0

    @property
    def without_pool(self) -> str:  # type: ignore[override]
        return f"protonet[backbone={self.backbone},pretrain={self.pretrain}]" * (not self.trained)

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        """What is learned of the cluster or of the masks, if the training has unlabelled images."""
        if not self.trained or self.refine == "plain":
            return {}
        log_radius = nn.Parameter(torch.tensor(log(self.radius)))
        learned = nn.ParameterDict({"log": log_radius}) if self.refine == "cluster" else Mask()
        return {self.refine: learned}

    def quick(self, task: Task) -> Recipe:
        """As `protonet`'s and, with unlabelled images in training, in smaller episodes."""
        drawings = task.image_shape[2] == 1
        if self.trained:
            shape = {"way": 10, "shot": 1, "query": 5, "steps": 900}
            return shape | {"lr": 4e-3 if drawings else 2e-3} | self.pool(task)
        if drawings:
            return {"way": 40, "shot": 1, "query": 3, "steps": 900, "lr": 4e-3} | WITHOUT
        return super().quick(task) | WITHOUT

    def published(self, task: Task) -> Recipe:
        """5-way episodes with 5 queries and 5 unlabelled images of a class (section 5).

        The rate is halved every 25 000 steps. Without unlabelled images it is `protonet`'s.
        """
        shot = task.n_shot or 1
        if self.trained:
            shape = {"way": 5, "shot": shot, "query": 5, "steps": 200_000, "lr": 1e-3}
            return shape | self.pool(task) | {"schedule": step_decay(25_000)}
        omniglot = task.dataset.startswith("omniglot")
        way, query = (60, 5) if omniglot else (30 if shot == 1 else 20, 15)
        shape = {"way": way, "shot": shot, "query": query, "steps": 100_000, "lr": 1e-3}
        ends = {"schedule": step_decay(2000), "validate_every": 100, "patience": 200}
        return shape | ends | WITHOUT

    def pool(self, task: Task) -> Recipe:
        return {"unlabelled": 5, "distractors": 5 if task.n_distractors != 0 else 0}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        prototypes = class_means(support_features, support)
        if len(support.unlabelled):
            pool = self.encoder(support.unlabelled).to(prototypes)
            members = F.one_hot(support.labels, support.n_way).to(prototypes)
            prototypes = self.refined(prototypes, members.sum(0), pool)
        return -(query_features[:, None] - prototypes).square().sum(2)

    def refined(self, prototypes: Tensor, shots: Tensor, pool: Tensor) -> Tensor:
        """Prototypes [k, d] of so many images each [k], after a step over features [m, d]."""
        with torch.no_grad():
            distances = self.scale * (pool[:, None] - prototypes).square().sum(2)
        clustered = self.refine == "cluster"
        weights = self.assigned(pool, distances) if clustered else (-distances).softmax(1)
        if self.refine == "masked":
            weights = weights * self.kept(distances / distances.mean(0))
        totals = prototypes * shots[:, None] + weights.T @ pool
        return totals / (shots + weights.sum(0))[:, None]

    def assigned(self, pool: Tensor, distances: Tensor) -> Tensor:
        """The shares [m, k] of each class in each image, with the cluster taking its own."""
        learned = self.network["cluster"]["log"] if self.trained else None  # type: ignore[index]
        log_radius = pool.new_tensor(log(self.radius)) if learned is None else learned
        to_origin = self.scale * pool.detach().square().sum(1)
        outside = -to_origin / (2 * (2 * log_radius).exp()) - log_radius
        return torch.cat([-distances / 2, outside[:, None]], 1).softmax(1)[:, :-1]

    def kept(self, relative: Tensor) -> Tensor:
        """The mask [m, k] by distances in units of each class's mean."""
        if self.trained:
            mask: Tensor = self.network["masked"](relative)
            return mask
        return torch.sigmoid(-self.sharpness * (relative - 1))


class Mask(nn.Module):
    """Threshold and slope of each class's mask, by statistics of its relative distances [m, k]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 20), nn.Tanh(), nn.Linear(20, 2))

    def forward(self, relative: Tensor) -> Tensor:
        centred = relative - relative.mean(0)
        variance = centred.square().mean(0).clamp_min(1e-12)
        skew, kurtosis = ((centred**n).mean(0) / variance ** (n / 2) for n in (3, 4))
        seen = [relative.amin(0), relative.amax(0), variance, skew, kurtosis - 3]
        threshold, slope = self.layers(torch.stack(seen, 1)).exp().unbind(1)
        return torch.sigmoid(-slope * (relative - threshold))


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SoftKMeansProtoNet)
