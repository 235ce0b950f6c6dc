"""Synthesised classifiers, SynC (Changpinyo, Chao, Gong & Sha, CVPR 2016, arXiv:1603.00550)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, DescribedMethod, Rule, SeenClasses, choices, hookimpl, powers_of_ten


@dataclass
class SynC(DescribedMethod):
    """A class's linear classifier is a mean of phantom ones, the nearer the more.

    There is a phantom at the unit vector of each training class. The weights of a class are a
    softmax of -distance^2 / width. The phantom classifiers minimise the squared error of one target
    for each image and class, 1 or 0, plus penalties gamma on classifiers and 1 on phantoms; the
    paper's losses are hinges.

    width: in units of the squared distance between vectors of unit length.
    gamma: the strength on the features' side; powers of ten between 0.01 and 100 are tried.
    """

    name = "sync"
    paper = "arXiv:1603.00550"
    family = "zero-shot"
    width: Annotated[float, Bounds(gt=0)] = 0.5

    def candidates(self) -> list[dict[str, float]]:
        return choices(gamma=powers_of_ten(2))

    def rule(self, seen: SeenClasses, gamma: float = 1.0) -> Rule:
        phantoms = F.normalize(seen.vectors, dim=1)
        shares = similarities(phantoms, phantoms, self.width)
        left = seen.gram + gamma * torch.eye(len(seen.gram)).double()
        right = shares.T @ shares + torch.eye(len(phantoms)).double()
        half = torch.linalg.solve(left, seen.sums.T @ shares)
        classifiers = torch.linalg.solve(right, half.T)

        def score(features: Tensor, vectors: Tensor) -> Tensor:
            unit = F.normalize(vectors, dim=1)
            own: Tensor = similarities(unit, phantoms, self.width) @ classifiers
            return features @ own.T

        return score


def similarities(vectors: Tensor, phantoms: Tensor, width: float) -> Tensor:
    """The share [c, r] that each phantom [r, a] has in classes with these vectors [c, a]."""
    return torch.softmax(-torch.cdist(vectors, phantoms).square() / width, dim=1)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SynC)
