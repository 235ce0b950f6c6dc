"""SimpleShot (Wang, Chao, Weinberger & van der Maaten, 2019, arXiv:1911.04623)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    Classifier,
    ClassifierRecipe,
    Images,
    PretrainedMethod,
    Support,
    Task,
    TrainingPhase,
    TrainingSource,
    class_means,
    hookimpl,
    training_mean,
)


@dataclass
class SimpleShot(PretrainedMethod):
    """Each query gets the class whose mean of transformed features is nearest.

    Scores are minus the squared Euclidean distance to the class means, which are not scaled to unit
    length again. The mean that centres is that of the training images, never of the episode's. With
    1 shot the predictions of `l2n` are those of `knn`.

    backbone: first trained to classify the training classes, unless it comes with weights.
    transform: of the features; `un` leaves them as they are, `l2n` scales them to unit length, and
        `cl2n` subtracts the mean of the training features before.
    """

    name = "simpleshot"
    paper = "arXiv:1911.04623"
    family = "transfer"
    mean: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    transform: Literal["un", "l2n", "cl2n"] = "cl2n"

    def skip(self, task: Task) -> str | None:
        if self.transform == "cl2n" and not task.has_training_classes:
            return "it centres by the mean of training classes and this task has none; l2n does not"
        return super().skip(task)

    def published(self, task: Task) -> ClassifierRecipe | None:
        """The authors' configurations for tieredImageNet, and for miniImageNet on other data.

        Drawings, which the paper does not have, are learned as by all methods.
        """
        if task.image_shape[2] == 1:
            return None
        tiered = task.dataset.startswith("tieredimagenet")
        epochs = (30, 30, 30) if tiered else (45, 22, 23)
        return ClassifierRecipe(
            tuple(map(TrainingPhase, epochs, (0.1, 0.01, 0.001))),
            weight_decay=1e-4,
            augment="crop+flip",
        )

    def train(self, source: TrainingSource) -> None:
        super().train(source)
        if self.transform == "cl2n":
            self.mean = training_mean(source, self.encoder)

    def adapt(self, support: Support) -> Classifier:
        means = class_means(self.features(support.images), support)

        def classify(images: Images) -> Tensor:
            exact = "donot_use_mm_for_euclid_dist"
            return -torch.cdist(self.features(images), means, compute_mode=exact).square()

        return classify

    def features(self, images: Images) -> Tensor:
        features = self.encoder(images)
        if self.mean is not None:
            features = features - self.mean
        return features if self.transform == "un" else F.normalize(features, dim=1)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SimpleShot)
