"""Logistic regression on frozen features, the linear probe of CLIP (arXiv:2103.00020, sec. 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    Classifier,
    Images,
    PretrainedMethod,
    Support,
    hookimpl,
    logistic_regression,
)

C_GRID = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
MOST_FOLDS = 5

DECADES = tuple(range(-6, 7, 2))
"""The powers of ten that a sweep begins with."""
HALVINGS = (1.0, 0.5, 0.25, 0.125)
"""The steps in powers of ten that it goes on with, up to CLIP's eight values a decade."""


@dataclass
class LinearProbe(PretrainedMethod):
    """Multinomial logistic regression with an L2 penalty, on the features of a frozen backbone.

    It minimises c * (sum of the support's cross-entropies) + |W|^2 / 2 without a penalty on the
    bias, as scikit-learn does; c is never chosen on queries or on other classes' images.

    backbone: a network that is first trained to classify the training classes, or `pixels`.
    c: the inverse strength of the penalty; `auto` takes the one of C_GRID under which images left
        out of the support are likeliest, in up to five folds, and 1 if a class has one image;
        `sweep` the one that is most accurate on official validation images, by CLIP's search.
    normalise: whether each feature vector is first scaled to unit length.
    """

    name = "linear_probe"
    paper = "arXiv:2103.00020"
    family = "transfer"
    c: float | Literal["auto", "sweep"] = 1.0
    normalise: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.c, str) and self.c <= 0:
            raise ValueError("c must be above 0")
        self.uses_validation = self.c == "sweep"

    def adapt(self, support: Support) -> Classifier:
        return self.adapt_many([support])[0]

    def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
        """Episodes of one shape and one c are solved together."""
        features = [self.features(support.images) for support in supports]
        labels = [F.one_hot(support.labels, support.n_way).double() for support in supports]
        groups: dict[tuple[torch.Size, float], list[int]] = {}
        for index, support in enumerate(supports):
            c = self.strength(support, features[index], labels[index])
            groups.setdefault((labels[index].shape, c), []).append(index)
        classifiers: dict[int, Classifier] = {}
        for (_, c), members in groups.items():
            x, y = (_together([each[i] for i in members]) for each in (features, labels))
            for index, weight, bias in zip(members, *logistic_regression(x, y, c), strict=True):
                classifiers[index] = self.classifier(weight, bias)
        return [classifiers[index] for index in range(len(supports))]

    def strength(self, support: Support, x: Tensor, y: Tensor) -> float:
        """The c of a support with features x [n, d] and one-hot labels y [n, k]."""
        if self.c == "auto":
            # By their ids, so that the order of the support does not count.
            order = torch.from_numpy(support.images.ids.argsort())
            return likeliest_c(x[order], y[order])
        if self.c == "sweep":
            images, labels = support.validation
            return most_accurate_c(x, y, self.features(images), labels)
        return self.c

    def classifier(self, weight: Tensor, bias: Tensor) -> Classifier:
        return lambda images: self.features(images) @ weight + bias

    def features(self, images: Images) -> Tensor:
        features = self.encoder(images).to("cpu", torch.float64, copy=True)
        if self.normalise:  # in place, as all images of a data set may be here
            features /= features.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return features


def _together(problems: list[Tensor]) -> Tensor:
    """Problems of one shape as one tensor, of a single one without a copy."""
    return problems[0][None] if len(problems) == 1 else torch.stack(problems)


def likeliest_c(x: Tensor, y: Tensor) -> float:
    """The c of C_GRID whose solutions make held-out images likeliest; 1 if none can be held out.

    x: features [n, d] of a support, y: its one-hot labels [n, k].
    """
    folds = min(MOST_FOLDS, int(y.sum(0).min()))
    if folds < 2:
        return 1.0
    place = ((y.cumsum(0) - 1) * y).sum(1)  # of an image in its class
    held_out = (place[None] % folds == torch.arange(folds)[:, None])[..., None]  # [folds, n, 1]

    def log_likelihood(c: float) -> float:
        weights, biases = logistic_regression(x.expand(folds, -1, -1), y * ~held_out, c)
        log_p = torch.log_softmax(x @ weights + biases[:, None], dim=-1)
        return float((log_p * y * held_out).sum())

    return max(C_GRID, key=log_likelihood)


def most_accurate_c(x: Tensor, y: Tensor, held_out: Tensor, labels: Tensor) -> float:
    """The c whose solution is right about most images that are held out.

    CLIP's search (appendix A.3): powers of ten two apart, and then half the step to either side of
    the best, until there are eight in a power of ten. Of equals the first is kept, which of the
    first seven is that of the strongest penalty. x: features [n, d] of a support, y: its one-hot
    labels [n, k]; held_out, labels: features [m, d] and class slots [m] of the others.
    """

    @cache
    def correct(power: float) -> int:
        weights, biases = logistic_regression(x[None], y[None], 10.0**power)
        return int(((held_out @ weights[0] + biases[0]).argmax(1) == labels).sum())

    best: float = max(DECADES, key=correct)
    for step in HALVINGS:
        nearby = (best, best - step, best + step)
        best = max((power for power in nearby if abs(power) <= max(DECADES)), key=correct)
    return float(10.0**best)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(LinearProbe)
