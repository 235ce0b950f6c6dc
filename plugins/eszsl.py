"""ESZSL (Romera-Paredes & Torr, ICML 2015): a bilinear score in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    Bounds,
    DescribedMethod,
    Rule,
    SeenClasses,
    bilinear,
    choices,
    hookimpl,
    powers_of_ten,
)


@dataclass
class ESZSL(DescribedMethod):
    """A class scores x V s: bilinear in the feature x and the unit vector s of the class.

    V minimises |X V S - Y|^2 + gamma |V S|^2 + lam |X V|^2 + gamma lam |V|^2 over the training
    images, where Y is the target of each image and class.

    gamma, lam: the strengths; `auto` takes powers of ten between 0.001 and 1000.
    targets: of an image, 1 for its own class and for the others -1, as in the paper, or 0.
    """

    name = "eszsl"
    paper = "https://proceedings.mlr.press/v37/romera-paredes15.html"
    family = "zero-shot"
    gamma: Annotated[float, Bounds(gt=0)] | Literal["auto"] = "auto"
    lam: Annotated[float, Bounds(gt=0)] | Literal["auto"] = "auto"
    targets: Literal["signed", "one_hot"] = "signed"

    def candidates(self) -> list[dict[str, float]]:
        gamma = powers_of_ten(3) if self.gamma == "auto" else self.gamma
        return choices(gamma=gamma, lam=powers_of_ten(3) if self.lam == "auto" else self.lam)

    def rule(self, seen: SeenClasses, gamma: float = 1.0, lam: float = 1.0) -> Rule:
        unit = F.normalize(seen.vectors, dim=1)
        return bilinear(solution(seen, unit, gamma, lam, self.targets == "signed"))


def solution(seen: SeenClasses, s: Tensor, gamma: float, lam: float, signed: bool) -> Tensor:
    """The matrix V [d, a] for vectors s [c, a] of the seen classes."""
    xys = seen.sums.T @ s
    if signed:
        xys = 2 * xys - seen.sums.sum(0)[:, None] * s.sum(0)
    left = seen.gram + gamma * torch.eye(len(xys)).double()
    right = s.T @ s + lam * torch.eye(s.shape[1]).double()
    v: Tensor = torch.linalg.solve(right, torch.linalg.solve(left, xys).T).T
    return v


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ESZSL)
