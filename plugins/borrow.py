"""Borrowed classes, after Guo, Ding, Han & Gao (IEEE TIP 26(7), 2017): a plain variant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, DescribedMethod, Rule, SeenClasses, choices, cosines, hookimpl

NEIGHBOURS = (12, 3, 6, 24, 48)
TEMPERATURES = (0.25, 0.1, 0.5, 1.0)
EQUAL = 1e-9
"""Distances that differ by less are one: of words many are."""


@dataclass
class Borrow(DescribedMethod):
    """An unseen class borrows the pictures of training classes with nearby vectors.

    Its mean is that of their means, each with the weight softmax(-distance / temperature); cosines
    tell. This is not a reproduction of the paper, which borrows single pictures by transferability
    and diversity and trains a robust support vector machine on them.

    neighbours: from how many classes, and those as near as the last of them; `auto` takes 3 to 48.
    temperature: in units of the distance between vectors of unit length; `auto` takes 0.1 to 1.
    """

    name = "borrow"
    paper = "https://doi.org/10.1109/TIP.2017.2696747"
    family = "zero-shot"
    neighbours: Annotated[int, Bounds(ge=1)] | Literal["auto"] = "auto"
    temperature: Annotated[float, Bounds(gt=0)] | Literal["auto"] = "auto"

    def candidates(self) -> list[dict[str, Any]]:
        return choices(
            neighbours=NEIGHBOURS if self.neighbours == "auto" else self.neighbours,
            temperature=TEMPERATURES if self.temperature == "auto" else self.temperature,
        )

    def rule(self, seen: SeenClasses, neighbours: int = 12, temperature: float = 0.25) -> Rule:
        def score(features: Tensor, vectors: Tensor) -> Tensor:
            weights = borrowed(vectors, seen.vectors, neighbours, temperature)
            return cosines(features, weights @ seen.means)

        return score


def borrowed(vectors: Tensor, known: Tensor, neighbours: int, temperature: float) -> Tensor:
    """How much of each known class [k, a] classes with these vectors [c, a] borrow: [c, k].

    All classes as near as the last neighbour count, as else their order in the data would choose.
    """
    exact = "donot_use_mm_for_euclid_dist"
    unit, known = F.normalize(vectors, dim=1), F.normalize(known, dim=1)
    distances = torch.cdist(unit, known, compute_mode=exact)
    last = distances.kthvalue(min(neighbours, len(known)), dim=1, keepdim=True).values
    further = distances > last + EQUAL
    return torch.softmax((-distances / temperature).masked_fill(further, -torch.inf), dim=1)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Borrow)
