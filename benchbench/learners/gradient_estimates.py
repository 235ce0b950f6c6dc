"""Gradients of functions that are only evaluated."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def random_signs(like: Tensor) -> Tensor:
    """+1 or -1 with equal chance for each element of a vector [n], by torch's global generator."""
    return torch.randint(0, 2, like.shape, device=like.device) * 2.0 - 1


def spsa_gradient(
    function: Callable[[Tensor], Tensor], at: Tensor, signs: Tensor, distance: float
) -> Tensor:
    """Spall's estimate of the gradient of a function by its values at two points (IEEE TAC, 1992).

    It is right on average over random signs, up to third derivatives. at: [n]. signs: +1 or -1 for
    each element of `at`. distance: of the points from it along these.
    """
    ahead, behind = function(at + distance * signs), function(at - distance * signs)
    return signs * (ahead - behind) / (2 * distance)
