"""Cosine classifiers that learn of a support and of views of unlabelled images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.augmentations import create_augmentation
from benchbench.images import Images
from benchbench.learners.creation import spec_of
from benchbench.learners.metric import class_means
from benchbench.learners.pretrained import PretrainedMethod
from benchbench.learners.pretraining import DRAWING_VIEWS
from benchbench.learners.steps import take_steps
from benchbench.method import Classifier, Support, Task
from benchbench.registry.bounds import Bounds

STRONG_VIEWS = "randaugment+flip+pad_crop[pad=4]+cutout"
"""As UDA (arXiv:1904.12848) and FixMatch (arXiv:2001.07685) change images of 32 pixels."""


@dataclass
class ConsistencyMethod(PretrainedMethod):
    """A classifier on a frozen backbone that is to say the same of an unlabelled image's views.

    Its scores are cosines with class vectors, times `scale`. These begin at the support's class
    means, and Adam takes `steps` steps on the support's cross-entropy and `weight` times the
    `disagreement` of the unlabelled images. The backbone is not tuned, unlike in the papers, and an
    unlabelled image itself is in the place of its weak view. Steps take the strong views in turn.

    weight: of the unlabelled images; with 0 the method does not ask for them.
    confidence: the probability of its likeliest class from which an unlabelled image counts. A high
        one keeps mostly images of the few classes whose support is typical.
    steps, lr: of Adam. scale: the factor on cosines. copies: the strong views of each image; with 0
        the image itself is in their place as well.
    augment: how strong views are made, a spec of augmentations; `auto` is `STRONG_VIEWS`, and
        `DRAWING_VIEWS` for images of one channel.
    """

    family = "semi-supervised"
    uses_unlabelled = True
    weight: Annotated[float, Bounds(ge=0)] = 1.0
    confidence: Annotated[float, Bounds(ge=0, le=1)] = 0.4
    steps: Annotated[int, Bounds(ge=0)] = 50
    lr: Annotated[float, Bounds(gt=0)] = 1e-3
    scale: Annotated[float, Bounds(gt=0)] = 20.0
    copies: Annotated[int, Bounds(ge=0)] = 2
    augment: str = "auto"

    def __post_init__(self) -> None:
        self.uses_unlabelled = self.weight > 0
        if self.augment != "auto":
            create_augmentation(self.augment)  # Refuses a spec that is wrong now.

    def skip(self, task: Task) -> str | None:
        if not task.has_images and self.weight > 0 and self.copies > 0:
            return "it changes unlabelled images and this data set has features; use copies=0"
        return super().skip(task)

    @property
    def without_pool(self) -> str:  # type: ignore[override]
        return spec_of(replace(self, weight=0.0)) if self.weight > 0 else ""

    def disagreement(self, plain: Tensor, changed: Tensor) -> Tensor:
        """The mean loss of unlabelled images by the logits [m, k] of themselves and of a view.

        plain: without a gradient.
        """
        raise NotImplementedError(f"{type(self).__name__} has no disagreement(plain, changed)")

    def rise(self, progress: float) -> float:
        """The share of `weight` that counts when a part of the steps is done, from 0 to 1."""
        return 1.0

    def adapt(self, support: Support) -> Classifier:
        known = F.normalize(self.encoder(support.images), dim=1)
        vectors = class_means(known, support).detach().clone().requires_grad_()
        labels = support.labels.to(known.device)
        plain, views = self.embedded(support)
        turn = iter(range(self.steps))

        def loss() -> Tensor:
            supervised = F.cross_entropy(self.logits(known, vectors), labels)
            step = next(turn)
            if len(plain) == 0:
                return supervised
            target = self.logits(plain, vectors).detach()
            changed = self.logits(views[step % len(views)], vectors)
            weight = self.weight * self.rise(step / self.steps)
            return supervised + weight * self.disagreement(target, changed)

        take_steps(loss, torch.optim.Adam([vectors], lr=self.lr), self.steps)
        return partial(self.scores, vectors.detach())

    def scores(self, vectors: Tensor, images: Images) -> Tensor:
        return self.logits(F.normalize(self.encoder(images), dim=1), vectors)

    def logits(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Logits [n, k] of features [n, d] of unit length."""
        return self.scale * features @ F.normalize(vectors, dim=1).T

    def embedded(self, support: Support) -> tuple[Tensor, list[Tensor]]:
        """Features of unit length [m, d] of the unlabelled images, and of each of their views."""
        if self.weight == 0 or len(support.unlabelled) == 0:
            return torch.empty(0), []
        pool = support.unlabelled
        # By their ids, so that the order in which they come decides on no view.
        pixels = pool.array[np.argsort(pool.ids)]
        make = self._views(pixels.shape[-1])
        rng = np.random.default_rng(support.seed)
        batches = [pixels, *(make(pixels, rng) for _ in range(self.copies))]
        with torch.no_grad():
            features = self.encoder(Images.from_array(np.concatenate(batches)))
        plain, *views = torch.split(F.normalize(features, dim=1), len(pixels))
        return plain, views or [plain]

    def _views(self, channels: int) -> Callable[..., np.ndarray]:
        auto = DRAWING_VIEWS if channels == 1 else STRONG_VIEWS
        return create_augmentation(auto if self.augment == "auto" else self.augment)
