"""A learned factor on scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """A factor on scores that is learned, the temperature's inverse. first: where it begins.

    A step of a small rate moves it little: a recipe's `rates` may name it.
    """

    def __init__(self, first: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(float(first)))

    def forward(self, scores: Tensor) -> Tensor:
        """The scores, of any shape, times the factor."""
        return self.factor * scores
