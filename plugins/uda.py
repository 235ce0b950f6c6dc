"""UDA (Xie, Dai, Hovy, Luong & Le, NeurIPS 2020, arXiv:1904.12848): in episodes, and before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from benchbench import Bounds, ConsistencyMethod, ConsistencyPretraining, hookimpl


@dataclass
class UDA(ConsistencyMethod):
    """Views of unlabelled images are to get the sharpened probabilities of the images themselves.

    The loss is the divergence of a view's probabilities from those of softmax(logits / T), of the
    images whose likeliest class is likelier than `confidence` before they are sharpened; the others
    count as 0; the authors' confidence is 0.8. Training signals are not annealed, as a support has
    few labels.

    backbone: first trained to classify the training classes, unless it comes with weights; only a
        classifier of its features is learned of an episode.
    temperature: T; lower is sharper.
    weight, confidence, steps, lr, scale, copies, augment: as `ConsistencyMethod` has them.
    """

    name = "uda"
    paper = "arXiv:1904.12848"
    family = "semi-supervised"
    temperature: Annotated[float, Bounds(gt=0)] = 0.4

    def disagreement(self, plain: Tensor, changed: Tensor) -> Tensor:
        return uda_loss(plain, changed, self.confidence, self.temperature)


@dataclass
class UDAPretraining(ConsistencyPretraining):
    """Learns of some labels, and gives strong views the sharpened probabilities of weak ones.

    temperature: lower is sharper.
    labelled, weight, confidence, tsa, augment, select: as `ConsistencyPretraining` has them.
    """

    name = "uda"
    paper = "arXiv:1904.12848"
    temperature: Annotated[float, Bounds(gt=0)] = 0.4

    def disagreement(self, weak: Tensor, strong: Tensor) -> Tensor:
        return uda_loss(weak, strong, self.confidence, self.temperature)


def uda_loss(plain: Tensor, changed: Tensor, confidence: float, temperature: float) -> Tensor:
    """The mean over all images of the divergence of logits [m, k] (the authors' code)."""
    counts = plain.softmax(1).amax(1) > confidence
    target = (plain / temperature).log_softmax(1)
    divergence = (target.exp() * (target - changed.log_softmax(1))).sum(1)
    return (divergence * counts).mean()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(UDA)


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(UDAPretraining)
