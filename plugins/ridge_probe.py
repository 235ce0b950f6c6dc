"""Least squares on frozen features, the few-shot evaluation of ViT (arXiv:2010.11929, sec. 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    Bounds,
    Classifier,
    Images,
    PretrainedMethod,
    Support,
    hookimpl,
    ridge,
)

BIAS = 100.0
"""The constant feature, so large that its weight is hardly penalised."""
LEAST_DEVIATION = 1e-5


@dataclass
class RidgeProbe(PretrainedMethod):
    """Ridge regression from standardised features to 1 for the own class and -1 for the others.

    As in the authors' code (google-research/big_vision), the support's mean and standard deviation
    standardise, a constant feature of 100 is the bias, and the penalty is fixed.

    backbone: a network that is first trained to classify the training classes, or `pixels`.
    l2: the penalty on the squared weights, where the errors' squares are summed.
    """

    name = "ridge_probe"
    paper = "arXiv:2010.11929"
    family = "transfer"
    l2: Annotated[float, Bounds(gt=0)] = 1024.0

    def adapt(self, support: Support) -> Classifier:
        x = self.encoder(support.images).cpu().double()
        deviation, mean = torch.std_mean(x, dim=0, correction=0)
        deviation += LEAST_DEVIATION

        def standardised(features: Tensor) -> Tensor:
            return F.pad((features - mean) / deviation, (0, 1), value=BIAS)

        targets = 2 * F.one_hot(support.labels, support.n_way).double() - 1
        weights = ridge_weights(standardised(x), targets, self.l2)

        def classify(images: Images) -> Tensor:
            return standardised(self.encoder(images).cpu().double()) @ weights

        return classify


def ridge_weights(x: Tensor, targets: Tensor, l2: float) -> Tensor:
    """The weights [d, k] of features x [n, d] and targets [n, k], by the smaller system."""
    if len(x) < x.shape[1]:
        return x.T @ ridge(x @ x.T, targets, l2)
    identity = torch.eye(x.shape[1], dtype=x.dtype)
    weights: Tensor = torch.linalg.solve(x.T @ x + l2 * identity, x.T @ targets)
    return weights


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(RidgeProbe)
