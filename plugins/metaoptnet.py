"""MetaOptNet (Lee, Maji, Ravichandran & Soatto, CVPR 2019, arXiv:1904.03758)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    MetricMethod,
    Recipe,
    Scale,
    Support,
    Task,
    crammer_singer,
    hookimpl,
    milestones,
    ridge,
    smoothed_cross_entropy,
)

SHOTS = {"miniimagenet": 15, "tieredimagenet": 10, "cifar_fs": 5, "fc100": 15}
"""Of the authors' training, whatever the test's."""
EPOCH = 1000


@dataclass
class MetaOptNet(MetricMethod):
    """A convex classifier of the support's features, through whose solution the network learns.

    Scores are those of the classifier, without a bias, times a learned scale. `svm` is Crammer and
    Singer's multi-class machine; it and its gradient are those of the optimality conditions, where
    the authors' solver stops after 15 iterations, and 3 at the test. `ridge` is their ridge
    regression on one-hot labels, whose scores are twice the usual ones. Both are solved in float64.
    In the published recipe all images of a step's eight episodes are embedded together, those of
    queries included.

    backbone: trained from scratch; the authors' is `resnet12[pool=false]`, on which only the
        published gains over a prototypical network have been found.
    head: the classifier.
    c: the SVM's penalty on errors.
    diagonal: what is added to the diagonal of the SVM's kernel matrix; it shrinks the solution, and
        is 1 in the authors' code.
    lam: the ridge's penalty.
    """

    name = "metaoptnet"
    paper = "arXiv:1904.03758"
    family = "optimisation-based"
    head: Literal["svm", "ridge"] = "svm"
    c: Annotated[float, Bounds(gt=0)] = 0.1
    diagonal: Annotated[float, Bounds(gt=0)] = 1.0
    lam: Annotated[float, Bounds(gt=0)] = 50.0

    def quick(self, task: Task) -> Recipe:
        """The scale, which one step of the published rate moves far, has a rate of its own."""
        rates = {"rates": {"scale": 25.0}}
        if self.head == "ridge":
            return super().quick(task) | rates
        return {"way": 10, "shot": 5, "query": 5, "steps": 1000, "lr": 2e-3} | rates

    def published(self, task: Task) -> Recipe:
        """5-way on 8 episodes a step, and a shot of the data set's, for 60 epochs of 1000 steps."""
        data_set = task.dataset.split("[")[0]
        shot = 5 if data_set == "miniimagenet" and "conv4" in self.backbone else SHOTS.get(data_set)
        pad = 8 if min(task.image_shape[:2]) > 32 else 4
        return {
            "way": 5,
            "shot": shot or 5,
            "query": 6,
            "tasks": 8,
            "augment": f"pad_crop[pad={pad}]+jitter+flip",
            "validate_on": {"way": 5, "shot": 5},
            "validate_every": EPOCH,
            "steps": 60 * EPOCH,
            "lr": 0.1,
            "optimizer": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
            "weight_decay": 5e-4,
            "schedule": milestones({20 * EPOCH: 0.06, 40 * EPOCH: 0.012, 50 * EPOCH: 0.0024}),
        }

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"scale": Scale()}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        known = support_features.double()
        labels = F.one_hot(support.labels, support.n_way).to(known)
        if self.head == "ridge":
            dual = 2 * ridge(known @ known.T, labels, self.lam)
        else:
            dual = crammer_singer(known @ known.T, labels, self.c, self.diagonal)
        plain = query_features.double() @ (known.T @ dual)
        scores: Tensor = self.network["scale"](plain.to(query_features.dtype))
        return scores

    def criterion(self, scores: Tensor, labels: Tensor, support: Support) -> Tensor:
        """Smoothed on miniImageNet alone, as the authors' is, over the other classes."""
        smoothing = 0.1 if support.dataset.startswith("miniimagenet") else 0.0
        return smoothed_cross_entropy(scores, labels, smoothing)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MetaOptNet)
