"""Logistic regression on frozen features, the linear probe of CLIP (arXiv:2103.00020, sec. 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass
class LinearProbe(PretrainedMethod):
    """Multinomial logistic regression with an L2 penalty, on the features of a frozen backbone.

    It minimises c * (sum of the support's cross-entropies) + |W|^2 / 2 without a penalty on the
    bias, as scikit-learn does; c is never chosen on queries or on other classes' images.

    backbone: a network that is first trained to classify the training classes, or `pixels`.
    c: the inverse strength of the penalty; `auto` takes the one of C_GRID under which images left
        out of the support are likeliest, in up to five folds, and 1 if a class has one image.
    normalise: whether each feature vector is first scaled to unit length.
    """

    name = "linear_probe"
    paper = "arXiv:2103.00020"
    family = "transfer"
    c: float | Literal["auto"] = 1.0
    normalise: bool = True

    def __post_init__(self) -> None:
        if self.c != "auto" and self.c <= 0:
            raise ValueError("c must be above 0")

    def adapt(self, support: Support) -> Classifier:
        return self.adapt_many([support])[0]

    def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
        """Episodes of one shape and one c are solved together."""
        features = [self.features(support.images) for support in supports]
        labels = [F.one_hot(support.labels, support.n_way).double() for support in supports]
        groups: dict[tuple[torch.Size, float], list[int]] = {}
        for index, (x, y) in enumerate(zip(features, labels, strict=True)):
            c = likeliest_c(x, y) if self.c == "auto" else self.c
            groups.setdefault((y.shape, c), []).append(index)
        classifiers: dict[int, Classifier] = {}
        for (_, c), members in groups.items():
            x, y = (torch.stack([each[i] for i in members]) for each in (features, labels))
            for index, weight, bias in zip(members, *logistic_regression(x, y, c), strict=True):
                classifiers[index] = self.classifier(weight, bias)
        return [classifiers[index] for index in range(len(supports))]

    def classifier(self, weight: Tensor, bias: Tensor) -> Classifier:
        return lambda images: self.features(images) @ weight + bias

    def features(self, images: Images) -> Tensor:
        features = self.encoder(images).cpu().double()
        return F.normalize(features, dim=1) if self.normalise else features


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


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(LinearProbe)
