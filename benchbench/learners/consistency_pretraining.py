"""Pre-training by a fraction of the labels and by agreement between views of all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import exp
from typing import Annotated, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.learners.consistency import STRONG_VIEWS
from benchbench.learners.pretraining import DRAWING_VIEWS, ObjectiveRecipe, Pretraining
from benchbench.method import Task
from benchbench.registry.bounds import Bounds

WEAK_VIEWS = "flip+pad_crop[pad=4]"
WEAK_DRAWINGS = "affine[degrees=0,shift=0.07,scale=0,shear=0]"


Annealing: TypeAlias = Literal["none", "linear", "exp", "log"]


class Progress(nn.Module):
    """How much of a training is done, in a buffer, so that it is resumed with the rest."""

    done: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("done", torch.zeros(()))


def signal_bound(kind: Annealing, progress: float, n_classes: int) -> float:
    """The probability from which a label does not count, after a part of the training.

    Between 1 / n_classes and 1 it is at progress, exp(5 (progress - 1)) or 1 - exp(-5 progress).
    (arXiv:1904.12848, section 3.2)
    """
    share = {
        "linear": progress,
        "exp": exp(5 * (progress - 1)),
        "log": 1 - exp(-5 * progress),
        "none": 1.0,
    }[kind]
    return share * (1 - 1 / n_classes) + 1 / n_classes


@dataclass
class ConsistencyPretraining(Pretraining):
    """Classifies the training classes by some labels, and strong views as it does weak ones.

    The loss is the cross-entropy of the weak views of images that have a label, and `weight` times
    the `disagreement` of all images. Weak and strong views are embedded in one pass. A batch has as
    many labels as `labelled` says on average, where the papers draw 1 labelled image for 7 others.

    labelled: the share of each class's images whose labels are known; they are drawn by the seed.
    weight: of the disagreement. confidence: the probability of its likeliest class from which an
        image counts in it.
    tsa: UDA's annealing of training signals, which FixMatch does not have: a label counts only
        while its class has a probability below a bound that rises from 1 / n_classes to 1, as a
        line, or late (`exp`), or early (`log`); for few labels, which are soon learned by heart.
    augment: how strong views are made, a spec of augmentations; `auto` is `STRONG_VIEWS`, and
        `DRAWING_VIEWS` for images of one channel. Weak views are `WEAK_VIEWS`, or shifted.
    select: as in `Pretraining`.
    """

    uses_labels = True
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    labelled: Annotated[float, Bounds(gt=0, le=1)] = 0.1
    weight: Annotated[float, Bounds(ge=0)] = 1.0
    confidence: Annotated[float, Bounds(ge=0, le=1)] = 0.8
    tsa: Annealing = "none"

    def augmentations(self, channels: int) -> list[str]:
        strong = DRAWING_VIEWS if channels == 1 else STRONG_VIEWS
        weak = WEAK_DRAWINGS if channels == 1 else WEAK_VIEWS
        return [weak, strong if self.augment == "auto" else self.augment]

    def labelled_modules(self, encoder: Backbone, n_classes: int) -> dict[str, nn.Module]:
        modules: dict[str, nn.Module] = {"head": nn.Linear(encoder.feature_size, n_classes)}
        return modules if self.tsa == "none" else {**modules, "progress": Progress()}

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The logits of weak and of strong views."""
        encoder: Backbone = network["encoder"]  # type: ignore[assignment]
        logits: Tensor = network["head"](encoder.embed(torch.cat(list(views))))
        return logits.chunk(len(views))

    def disagreement(self, weak: Tensor, strong: Tensor) -> Tensor:
        """The mean loss of images by the logits [n, k] of their views; weak: without a gradient."""
        raise NotImplementedError(f"{type(self).__name__} has no disagreement(weak, strong)")

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        weak, strong = embedded
        return self.weight * self.disagreement(weak.detach(), strong)

    def labelled_loss(self, network: nn.ModuleDict, labels: Tensor, *embedded: Tensor) -> Tensor:
        known = labels >= 0
        if self.tsa != "none":
            known &= self.sure_of(embedded[0], labels) < self._bound(network, embedded[0])
        losses = F.cross_entropy(embedded[0][known], labels[known], reduction="sum")
        return losses / known.sum().clamp(min=1)

    @staticmethod
    def sure_of(logits: Tensor, labels: Tensor) -> Tensor:
        """The probability [n] of each label by logits [n, k], without a gradient."""
        chosen = labels.clamp(min=0)[:, None]
        return logits.detach().softmax(1).gather(1, chosen)[:, 0]

    def _bound(self, network: nn.ModuleDict, logits: Tensor) -> float:
        progress: Progress = network["progress"]  # type: ignore[assignment]
        return signal_bound(self.tsa, float(progress.done), logits.shape[1])

    def after_step(self, network: nn.ModuleDict, progress: float) -> None:
        if self.tsa != "none":
            network["progress"].done.fill_(progress)  # type: ignore[operator, union-attr]

    def published(self, task: Task) -> ObjectiveRecipe:
        """Both papers' rate, momentum and decay, on 512 images; they end after 2^19 or 2^20 steps.

        Half a cosine is in the place of 7/16 of one, and no average of the weights is kept.
        """
        sgd = partial(torch.optim.SGD, momentum=0.9, nesterov=True)
        return ObjectiveRecipe(512, 0.03, steps=500_000, weight_decay=5e-4, optimizer=sgd)
