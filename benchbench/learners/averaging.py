"""Weights that move towards the mean of others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchbench.learners.adaptation import Weights


def distance_to_mean(weights: Weights, ends: Sequence[Weights]) -> Tensor:
    """Half the squared distance of weights to the mean of others, such as where tasks ended.

    Its gradient is phi - mean phi_i, so that a step of plain gradient descent goes by the share of
    its rate to the mean (Nichol et al., arXiv:1803.02999, algorithm 2). It is differentiable in
    `weights` alone.
    """
    distances = [
        (tensor - torch.stack([end[name] for end in ends]).mean(0).detach()).square().sum()
        for name, tensor in weights.items()
    ]
    return torch.stack(distances).sum() / 2
