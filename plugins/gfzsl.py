"""A generative framework for zero-shot learning (Verma & Rai, ECML 2017, arXiv:1707.08040)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from benchbench import Bounds, DescribedMethod, Rule, SeenClasses, choices, hookimpl, powers_of_ten


@dataclass
class GFZSL(DescribedMethod):
    """The mean feature of an unseen class is predicted from its vector; the nearest mean wins.

    Means of seen classes are regressed on their vectors by kernel ridge. The paper predicts the
    logarithms of variances as well, with a penalty so strong (1e8) that all are nearly equal; here
    they are equal.

    kernel: of two vectors, (1 + a b)^2 or a b.
    lam: the strength of the penalty; `auto` takes powers of ten between 0.001 and 1000.
    """

    name = "gfzsl"
    paper = "arXiv:1707.08040"
    family = "zero-shot"
    kernel: Literal["quadratic", "linear"] = "quadratic"
    lam: Annotated[float, Bounds(gt=0)] | Literal["auto"] = "auto"

    def candidates(self) -> list[dict[str, float]]:
        return choices(lam=powers_of_ten(3) if self.lam == "auto" else self.lam)

    def rule(self, seen: SeenClasses, lam: float = 1.0) -> Rule:
        products = self.products(seen.vectors, seen.vectors)
        dual = torch.linalg.solve(products + lam * torch.eye(len(products)).double(), seen.means)

        def score(features: Tensor, vectors: Tensor) -> Tensor:
            means = self.products(vectors, seen.vectors) @ dual
            return -torch.cdist(features, means).square()

        return score

    def products(self, first: Tensor, second: Tensor) -> Tensor:
        """The kernel [m, n] of vectors [m, a] and [n, a]."""
        linear = first @ second.T
        return (1 + linear).square() if self.kernel == "quadratic" else linear


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(GFZSL)
