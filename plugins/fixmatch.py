"""FixMatch (Sohn et al., NeurIPS 2020, arXiv:2001.07685): in episodes, and before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, ConsistencyMethod, ConsistencyPretraining, hookimpl


@dataclass
class FixMatch(ConsistencyMethod):
    """Views of unlabelled images are to get the likeliest class of the images themselves.

    The loss is the cross-entropy of a strong view, of the images whose likeliest class has at least
    `confidence`; the others count as 0 (eq. 4). The paper's is 0.95, for networks that learn of
    thousands of images.

    backbone: first trained to classify the training classes, unless it comes with weights; only a
        classifier of its features is learned of an episode.
    weight, confidence, steps, lr, scale, copies, augment: as `ConsistencyMethod` has them.
    """

    name = "fixmatch"
    paper = "arXiv:2001.07685"
    family = "semi-supervised"

    def disagreement(self, plain: Tensor, changed: Tensor) -> Tensor:
        return fixmatch_loss(plain, changed, self.confidence)


@dataclass
class FixMatchPretraining(ConsistencyPretraining):
    """Learns of some labels, and gives strong views the class of which it is sure for weak ones.

    labelled, weight, confidence, augment, select: as `ConsistencyPretraining` has them.
    """

    name = "fixmatch"
    paper = "arXiv:2001.07685"
    confidence: Annotated[float, Bounds(ge=0, le=1)] = 0.95

    def disagreement(self, weak: Tensor, strong: Tensor) -> Tensor:
        return fixmatch_loss(weak, strong, self.confidence)


def fixmatch_loss(plain: Tensor, changed: Tensor, confidence: float) -> Tensor:
    """The mean over all images of the cross-entropy of logits [m, k] (eq. 4)."""
    likeliest, labels = plain.softmax(1).max(1)
    losses = F.cross_entropy(changed, labels, reduction="none")
    return (losses * (likeliest >= confidence)).mean()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(FixMatch)


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(FixMatchPretraining)
