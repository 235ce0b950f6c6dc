"""Pseudo-labels (Lee, ICML 2013 workshop on challenges in representation learning)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, ConsistencyMethod, hookimpl

BEGINS, ENDS = 0.1, 0.6
"""The parts of the training between which the weight rises; the paper's are of 600 epochs."""


@dataclass
class PseudoLabel(ConsistencyMethod):
    """A cosine classifier that learns of its own answers to unlabelled images, step by step.

    The loss of the unlabelled images is the cross-entropy of their likeliest classes (eq. 15), with
    a weight that rises from 0 (eq. 16). A confidence is not of the paper.

    backbone: first trained to classify the training classes, unless it comes with weights; only a
        classifier of its features is learned of an episode.
    weight: of the unlabelled images in the end.
    confidence, steps, lr, scale, copies, augment: as `ConsistencyMethod` has them.
    """

    name = "pseudo_label"
    paper = "https://api.semanticscholar.org/CorpusID:18507866"
    family = "semi-supervised"
    weight: Annotated[float, Bounds(ge=0)] = 3.0
    confidence: Annotated[float, Bounds(ge=0, le=1)] = 0.0
    copies: Annotated[int, Bounds(ge=0)] = 0

    def rise(self, progress: float) -> float:
        return min(max((progress - BEGINS) / (ENDS - BEGINS), 0.0), 1.0)

    def disagreement(self, plain: Tensor, changed: Tensor) -> Tensor:
        likeliest, labels = plain.softmax(1).max(1)
        losses = F.cross_entropy(changed, labels, reduction="none")
        return (losses * (likeliest >= self.confidence)).mean()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(PseudoLabel)
