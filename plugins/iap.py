"""Indirect attribute prediction (Lampert, Nickisch & Harmeling, CVPR 2009 and TPAMI 2014)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from benchbench import AttributeRule, Rule, SeenClasses, SeenPosteriorMethod, hookimpl


@dataclass
class IAP(SeenPosteriorMethod):
    """As `dap`, with an attribute as likely as the training classes that have it are together.

    prior: of an attribute, the share of the training classes that have it, or a half.
    """

    name = "iap"
    paper = "https://doi.org/10.1109/TPAMI.2013.140"
    family = "zero-shot"
    prior: Literal["classes", "half"] = "classes"

    def rule(self, seen: SeenClasses) -> Rule:
        present = AttributeRule.of(seen.vectors, half=self.prior == "half")
        signatures = present.signatures(seen.vectors)

        def score(posterior: Tensor, vectors: Tensor) -> Tensor:
            return present.scores(posterior @ signatures, vectors)

        return score


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(IAP)
