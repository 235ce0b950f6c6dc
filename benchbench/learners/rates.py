"""Rates of the inner loop that are learned: Meta-SGD (Li, Zhou, Chen & Li, 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import Size, Tensor, nn

InnerRates: TypeAlias = Literal["fixed", "learned"]
"""One rate for all weights in the inner loop, or a learned one for each element of each weight."""

INNER_RATES = "inner_rates"
"""The name in `network` of the learned rates."""


class LearnedRates(nn.Module):
    """A rate for each element of each weight, which learns as the initial weights do.

    A rate may become negative, as in the paper (arXiv:1707.09835, section 3.2), so that the step
    need not follow the gradient. shapes: of the rates, by the weights' names. initial: of all.
    """

    def __init__(self, shapes: Mapping[str, Size], initial: float) -> None:
        super().__init__()
        self._names = tuple(shapes)
        # The names of parameters have no dots, those of weights do.
        for name, shape in shapes.items():
            rate = torch.full(shape, float(initial))
            self.register_parameter(_undotted(name), nn.Parameter(rate))

    def by_name(self) -> dict[str, Tensor]:
        """The rates by the weights' names, as `descend` takes them."""
        return {name: self.get_parameter(_undotted(name)) for name in self._names}


def _undotted(name: str) -> str:
    return name.replace(".", "/")
