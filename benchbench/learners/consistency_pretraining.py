"""Pre-training by a fraction of the labels and by agreement between views of all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

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


@dataclass
class ConsistencyPretraining(Pretraining):
    """Classifies the training classes by some labels, and strong views as it does weak ones.

    The loss is the cross-entropy of the weak views of images that have a label, and `weight` times
    the `disagreement` of all images. Weak and strong views are embedded in one pass. A batch has as
    many labels as `labelled` says on average, where the papers draw 1 labelled image for 7 others.

    labelled: the share of each class's images whose labels are known; they are drawn by the seed.
    weight: of the disagreement. confidence: the probability of its likeliest class from which an
        image counts in it.
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

    def augmentations(self, channels: int) -> list[str]:
        strong = DRAWING_VIEWS if channels == 1 else STRONG_VIEWS
        weak = WEAK_DRAWINGS if channels == 1 else WEAK_VIEWS
        return [weak, strong if self.augment == "auto" else self.augment]

    def labelled_modules(self, encoder: Backbone, n_classes: int) -> dict[str, nn.Module]:
        return {"head": nn.Linear(encoder.feature_size, n_classes)}

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
        losses = F.cross_entropy(embedded[0][known], labels[known], reduction="sum")
        return losses / known.sum().clamp(min=1)

    def published(self, task: Task) -> ObjectiveRecipe:
        """Both papers' rate, momentum and decay, on 512 images; they end after 2^19 or 2^20 steps.

        Half a cosine is in the place of 7/16 of one, and no average of the weights is kept.
        """
        sgd = partial(torch.optim.SGD, momentum=0.9, nesterov=True)
        return ObjectiveRecipe(512, 0.03, steps=500_000, weight_decay=5e-4, optimizer=sgd)
