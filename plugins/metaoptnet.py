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
    Support,
    Task,
    hookimpl,
    milestones,
    smoothed_cross_entropy,
)

SHOTS = {"miniimagenet": 15, "tieredimagenet": 10, "cifar_fs": 5, "fc100": 15}
"""Of the authors' training, whatever the test's."""
EPOCH = 1000
ITERATIONS, TOLERANCE = 500, 1e-6
"""Of the search for the free dual variables, whose values a linear system then gives."""
ACTIVE = 1e-6
"""The share of C from which on a dual variable counts as free."""


class Scale(nn.Module):
    """The factor on the scores, learned from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))


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
        return {"way": 10, "shot": 5, "query": 5, "steps": 800, "lr": 2e-3} | rates

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
        return self.network["scale"].factor * plain.to(query_features.dtype)

    def criterion(self, scores: Tensor, labels: Tensor, support: Support) -> Tensor:
        """Smoothed on miniImageNet alone, as the authors' is, over the other classes."""
        smoothing = 0.1 if support.dataset.startswith("miniimagenet") else 0.0
        return smoothed_cross_entropy(scores, labels, smoothing)


def ridge(kernel: Tensor, labels: Tensor, lam: float) -> Tensor:
    """Dual weights [n, k] of ridge regression on one-hot labels [n, k] by a kernel [n, n]."""
    identity = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    return torch.linalg.solve(kernel + lam * identity, labels)


def crammer_singer(kernel: Tensor, labels: Tensor, c: float, diagonal: float) -> Tensor:
    """Dual weights [n, k] of the multi-class SVM for one-hot labels [n, k] by a kernel [n, n].

    They minimise tr(a' (K + diagonal) a) / 2 - tr(a' y), where the elements of b = c y - a are at
    least 0 and its rows sum to c. They are differentiable in the kernel.
    """
    identity = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    regular = kernel + diagonal * identity
    with torch.no_grad():
        found = solved(regular.detach(), labels, c)
    return c * labels - at_optimum(regular, labels, c, found > ACTIVE * c)


def solved(kernel: Tensor, labels: Tensor, c: float) -> Tensor:
    """The optimal b by accelerated projected gradient steps (Beck & Teboulle, 2009)."""
    step = 1 / torch.linalg.eigvalsh(kernel)[-1].clamp(min=1e-12)
    b = ahead = c * labels
    momentum = 1.0
    for _ in range(ITERATIONS):
        gradient = kernel @ (c * labels - ahead) - labels
        moved = on_simplex(ahead + step * gradient, c)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        change = moved - b
        # A step that goes back on itself means that the momentum is too large: begin anew.
        if ((ahead - moved) * change).sum() > 0:
            following = 1.0
        ahead = moved + (momentum - 1) / following * change if following > 1 else moved
        b, momentum = moved, following
        if change.abs().max() < TOLERANCE * c:
            break
    return b


def on_simplex(rows: Tensor, total: float) -> Tensor:
    """The nearest rows of numbers from 0 on that sum to `total` (Duchi et al., 2008)."""
    ordered = rows.sort(dim=1, descending=True).values
    counts = torch.arange(1, rows.shape[1] + 1, dtype=rows.dtype, device=rows.device)
    excess = (ordered.cumsum(1) - total) / counts
    kept = (ordered > excess).sum(1, keepdim=True)
    return (rows - excess.gather(1, kept - 1)).clamp(min=0)


def at_optimum(kernel: Tensor, labels: Tensor, c: float, free: Tensor) -> Tensor:
    """The optimal b [n, k] from the optimality conditions of its free elements, differentiably.

    For them kernel @ b equals c * kernel @ y - y plus a number of their row's, and rows sum to c.
    """
    image, slot = free.nonzero(as_tuple=True)
    same_class = (slot[:, None] == slot).to(kernel)
    rows = F.one_hot(image, len(kernel)).to(kernel)
    corner = kernel.new_zeros(len(kernel), len(kernel))
    left = torch.cat([kernel[image][:, image] * same_class, rows.T])
    system = torch.cat([left, torch.cat([-rows, corner])], dim=1)
    linear = (c * kernel @ labels - labels)[image, slot]
    solution = torch.linalg.solve(system, torch.cat([linear, kernel.new_full((len(kernel),), c)]))
    return torch.zeros_like(labels).index_put((image, slot), solution[: len(image)])


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MetaOptNet)
