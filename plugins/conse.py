"""ConSE (Norouzi et al., ICLR 2014, arXiv:1312.5650)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, Rule, SeenClasses, SeenPosteriorMethod, cosines, hookimpl


@dataclass
class ConSE(SeenPosteriorMethod):
    """A picture's vector is a mean of the likeliest training classes' vectors; cosines tell.

    The weights are their probabilities, whose sum over these classes is made one. Vectors are of
    unit length.

    classes: how many of the likeliest training classes count.
    """

    name = "conse"
    paper = "arXiv:1312.5650"
    family = "zero-shot"
    classes: Annotated[int, Bounds(ge=1)] = 10

    def rule(self, seen: SeenClasses) -> Rule:
        known = F.normalize(seen.vectors, dim=1)

        def score(posterior: Tensor, vectors: Tensor) -> Tensor:
            return cosines(convex(posterior, known, self.classes), vectors)

        return score


def convex(posterior: Tensor, vectors: Tensor, classes: int) -> Tensor:
    """The vectors [n, a] of pictures with probabilities [n, c] of classes with vectors [c, a]."""
    likeliest = posterior.topk(min(classes, len(vectors)), dim=1)
    weights = likeliest.values / likeliest.values.sum(1, keepdim=True)
    return (weights[..., None] * vectors[likeliest.indices]).sum(1)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ConSE)
