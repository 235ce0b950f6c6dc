"""Transductive fine-tuning (Dhillon, Chaudhari, Ravichandran & Soatto, ICLR 2020)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    Classifier,
    ClassifierRecipe,
    Images,
    MethodError,
    PretrainedMethod,
    Support,
    Task,
    TrainingPhase,
    TrainingSource,
    TunedCopy,
    create_augmentation,
    hookimpl,
    mean_entropy,
)


@dataclass
class TransductiveFinetuning(PretrainedMethod):
    """A copy of the network that is tuned on the support and on the queries of each episode.

    In each epoch Adam takes a step on the support's cross-entropy, and then one on the entropy of
    its answers to all queries (the authors' code; eq. 8 is the sum of both). It sees all queries
    of an episode together and without labels, and its batch norms take their statistics as well; it
    is not told how many belong to each class. Features are rectified and scaled to unit length. The
    paper's setting is `transductive_finetuning[epochs=25,lr=0.00005,depth=none]` in the paper
    budget, with an augmentation.

    backbone: first trained to classify the training classes, unless it comes with weights.
    epochs: how often support and queries are gone through; 0 is the initial classifier.
    lr: the rate of Adam, for the head and the blocks that learn.
    depth: how many of the backbone's last blocks are tuned; 0 is the head alone, none is all.
    query_weight: the weight of the queries' entropy; with 0 they are not used, and the method is
        the paper's inductive fine-tuning.
    augment: a spec of augmentations that change support and queries anew in each epoch, such as
        `pad_crop[pad=4]+flip`; none by default.
    features: the `logits` of the training classes, as in the paper, or the layer below them
        (`penultimate`). By default the logits in the paper budget, and else the layer below, as
        for a network that comes with weights.
    """

    name = "transductive_finetuning"
    paper = "arXiv:1909.02729"
    family = "transductive"
    epochs: Annotated[int, Bounds(ge=0, le=10**6)] = 10
    lr: Annotated[float, Bounds(ge=0)] = 3e-4
    depth: Annotated[int, Bounds(ge=0)] | None = 1
    query_weight: Annotated[float, Bounds(ge=0)] = 1.0
    augment: str | None = None
    features: Literal["logits", "penultimate"] | None = None
    logits: nn.Linear | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.transductive = self.epochs > 0 and self.query_weight > 0  # type: ignore[misc]
        if self.augment is not None:
            create_augmentation(self.augment)  # Refuses a spec that is wrong now.

    def published(self, task: Task) -> ClassifierRecipe | None:
        """The authors' code, without mixup, and with a plain decay that batch norm has as well.

        Its brightness is changed on another scale there. Drawings, which the paper does not have,
        are learned as by all methods.
        """
        if task.image_shape[2] == 1:
            return None
        return ClassifierRecipe(
            (TrainingPhase(40, 0.1, falls=True), TrainingPhase(80, 0.01, falls=True)),
            nesterov=True,
            weight_decay=1e-4,
            label_smoothing=0.1,
            augment="flip+pad_crop[pad=4]+jitter[brightness=0.4,contrast=0.4,saturation=0]",
        )

    def train(self, source: TrainingSource) -> None:
        super().train(source)
        by_default = "logits" if source.budget.name == "paper" else "penultimate"
        head = None if self.classification is None else self.classification.head
        if self.features == "logits" and head is None:
            raise MethodError(
                f"{self.backbone} comes with weights, or has none, and so has no logits of the "
                "training classes; use features=penultimate"
            )
        self.logits = head if (self.features or by_default) == "logits" else None

    def adapt(self, support: Support) -> Classifier:
        if not self.transductive:
            return self.answers(self.tuned(support, None))
        return lambda images: self.answers(self.tuned(support, images))(images)

    def answers(self, network: TunedCopy) -> Classifier:
        return torch.no_grad()(lambda images: network(self.encoder.prepare(images.array)))

    def tuned(self, support: Support, queries: Images | None) -> TunedCopy:
        """A network after all epochs, in evaluation mode; without queries it learns of none."""
        network = TunedCopy(self.encoder, self.depth, support, self.logits).train()
        learning = [tensor for tensor in network.parameters() if tensor.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=self.lr)
        labels = support.labels.to(network.weight.device)

        def step(loss: Tensor) -> None:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        rng = np.random.default_rng(support.seed)
        with torch.enable_grad():
            for _ in range(self.epochs):
                step(F.cross_entropy(network(self.pixels(support.images, rng)), labels))
                if queries is not None:
                    step(self.query_weight * mean_entropy(network(self.pixels(queries, rng))))
        return network.eval()

    def pixels(self, images: Images, rng: np.random.Generator) -> Tensor:
        """Prepared images, augmented if that was asked for."""
        array = images.array
        if self.augment is not None:
            array = create_augmentation(self.augment)(array, rng)
        return self.encoder.prepare(array)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(TransductiveFinetuning)
