"""Scores that are bilinear in a picture's features and its class's vector."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.learners.described import Rule, SeenClasses, fit_on_features


def bilinear(v: Tensor) -> Rule:
    """The rule x V s of features x and unit vectors s of classes, by a matrix V [d, a]."""
    return lambda features, vectors: features @ v @ F.normalize(vectors, dim=1).T


def fit_bilinear(
    seen: SeenClasses,
    loss: Callable[[Tensor, Tensor, torch.Generator], Tensor],
    *,
    steps: int,
    lr: float,
    seed: int,
) -> Rule:
    """The `bilinear` rule whose matrix, zero at first, is trained as by `fit_on_features`.

    loss: of the scores [batch, c] of all seen classes, labels [batch] and a generator.
    """
    known = F.normalize(seen.vectors, dim=1)
    v = torch.zeros(seen.features.shape[1], known.shape[1]).double().requires_grad_()

    def loss_of_features(features: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return loss(features @ v @ known.T, labels, generator)

    fit_on_features(seen, [v], loss_of_features, steps=steps, lr=lr, seed=seed)
    return bilinear(v.detach())
