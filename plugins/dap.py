"""Direct attribute prediction (Lampert, Nickisch & Harmeling, CVPR 2009 and TPAMI 2014)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from benchbench import (
    AttributeRule,
    Bounds,
    DescribedMethod,
    Rule,
    SeenClasses,
    binary_logistic,
    choices,
    hookimpl,
)

STRENGTHS = (1.0, 0.1, 10.0)


@dataclass
class DAP(DescribedMethod):
    """A logistic regression for each attribute; a class is as likely as all of its attributes.

    The probability of each attribute is divided by its prior. Attributes count as present above the
    mean of all values of the training classes; those that all or none of these have are left out.

    c: the inverse strength of the regressions' L2 penalty, on the sum over images; `auto` takes
        0.1, 1 or 10.
    prior: of an attribute, the share of the training classes that have it, or a half.
    """

    name = "dap"
    paper = "https://doi.org/10.1109/TPAMI.2013.140"
    family = "zero-shot"
    c: Annotated[float, Bounds(gt=0)] | Literal["auto"] = "auto"
    prior: Literal["classes", "half"] = "classes"

    def candidates(self) -> list[dict[str, float]]:
        return choices(c=STRENGTHS if self.c == "auto" else self.c)

    def rule(self, seen: SeenClasses, c: float = 1.0) -> Rule:
        present = AttributeRule.of(seen.vectors, half=self.prior == "half")
        weights, biases = binary_logistic(
            seen.features, present.signatures(seen.vectors)[seen.labels], c
        )

        def score(features: Tensor, vectors: Tensor) -> Tensor:
            return present.scores(torch.sigmoid(features @ weights + biases), vectors)

        return score


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(DAP)
