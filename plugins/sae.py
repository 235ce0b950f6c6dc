"""The semantic autoencoder (Kodirov, Xiang & Gong, CVPR 2017, arXiv:1704.08345)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from scipy.linalg import solve_sylvester
from torch import Tensor

from benchbench import (
    Bounds,
    DescribedMethod,
    Rule,
    SeenClasses,
    choices,
    cosines,
    hookimpl,
    powers_of_ten,
)


@dataclass
class SAE(DescribedMethod):
    """A linear map from features to class vectors whose transpose maps back to the features.

    W minimises |X - W^T S|^2 + lam |W X - S|^2, where S has the unit vector of each image's class.

    lam: the strength; `auto` takes powers of ten between 0.001 and 1000.
    compare: in which space cosines are taken. `features` are those of images with mapped vectors;
        `vectors` those of mapped images with vectors. The paper reports both.
    """

    name = "sae"
    paper = "arXiv:1704.08345"
    family = "zero-shot"
    lam: Annotated[float, Bounds(gt=0)] | Literal["auto"] = "auto"
    compare: Literal["features", "vectors"] = "features"

    def candidates(self) -> list[dict[str, float]]:
        return choices(lam=powers_of_ten(3) if self.lam == "auto" else self.lam)

    def rule(self, seen: SeenClasses, lam: float = 1.0) -> Rule:
        w = solution(seen, F.normalize(seen.vectors, dim=1), lam)
        if self.compare == "vectors":
            return lambda features, vectors: cosines(features @ w.T, vectors)
        return lambda features, vectors: cosines(features, F.normalize(vectors, dim=1) @ w)


def solution(seen: SeenClasses, s: Tensor, lam: float) -> Tensor:
    """The matrix W [a, d] for vectors s [c, a] of the seen classes.

    A W + W B = C, with A = S S^T, B = lam X X^T and C = (1 + lam) S X^T.
    """
    a = s.T @ (seen.counts[:, None] * s)
    c = (1 + lam) * s.T @ seen.sums
    return torch.from_numpy(solve_sylvester(a.numpy(), lam * seen.gram.numpy(), c.numpy()))


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SAE)
