"""Pre-training: objectives by which a backbone learns from the training images before any task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import cos, pi
from typing import Any, ClassVar, Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.method import Task
from benchbench.training.optimizers import OptimizerKind
from benchbench.training.schedules import cosine

Objective = TypeVar("Objective", bound="Pretraining")

COLOUR_VIEWS = "crop[scale=0.2]+flip+jitter[hue=0.1,share=0.8]+grey[share=0.1]"
"""As the best reproduction of SimCLR on CIFAR-10 changes images (dkobak/simclr-cifar-10)."""
DRAWING_VIEWS = "affine[degrees=15,shift=0.07,scale=0.2,shear=0.2]"
"""Without flips and quarter turns, which make other characters."""

AS_IT_IS = "flip[share=0]"
"""The augmentation that changes nothing."""

COLLAPSED = 0.1
"""The spread of features below which they count as one point."""


@dataclass(frozen=True)
class ObjectiveRecipe:
    """How an objective is trained: `steps` or `epochs` of batches of so many images.

    warmup: the part of the training in which the rate rises from zero; it then falls along half a
    cosine. weight_decay, optimizer: as `fit` takes them. parameters: of the objective, for those
    that are none, such as the width of its projector.
    """

    batch: int
    lr: float
    steps: int | None = None
    epochs: int | None = None
    warmup: float = 0.0
    weight_decay: float = 0.0
    optimizer: OptimizerKind = torch.optim.AdamW
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("a recipe has steps or epochs")

    def length(self, per_epoch: int) -> int:
        """The steps, if an epoch has so many."""
        return self.steps if self.epochs is None else self.epochs * per_epoch  # type: ignore[return-value]

    def settle(self, objective: Objective) -> Objective:
        """The objective with this recipe's `parameters` in place of those that are none."""
        given = {key: v for key, v in self.parameters.items() if getattr(objective, key) is None}
        return replace(objective, **given) if given else objective  # type: ignore[type-var]

    def arguments(self, steps: int) -> dict[str, Any]:
        """Arguments of `fit` for a training of so many steps."""
        return {
            "steps": steps,
            "lr": self.lr,
            "schedule": cosine(steps, warmup=round(self.warmup * steps)),
            "weight_decay": self.weight_decay,
            "optimizer": self.optimizer,
        }


class Pretraining:
    """An objective of pre-training. Subclass it, as a dataclass with its parameters as fields.

    A subclass says in `further_modules` what it trains in addition to the encoder, which is all
    that is kept, in `embed` how the views of a batch become what its `loss` compares, and in
    `quick` and `published` how it is trained. It never gets a label, unless `uses_labels` says so.

    augment: how a view of an image is made, a spec of augmentations; `auto` is `COLOUR_VIEWS`, and
        `DRAWING_VIEWS` for images of one channel.
    select: the `last` weights are kept, or those that classify episodes of the validation classes
        best, which takes their labels.
    """

    name: ClassVar[str]
    paper: ClassVar[str] = ""
    uses_labels: ClassVar[bool] = False
    """Whether it learns from the labels of the training images. `fit_objective` then calls
    `labelled_modules` and `labelled_loss` as well."""
    uses_class_names: ClassVar[bool] = False
    """Whether it learns from the names of the training classes, as `ImageTextPretraining` does; a
    method with this objective then declares that it uses class names."""
    labelled: float = 1.0
    """The share of each class's training images whose labels it gets, if it uses labels; an
    objective that leaves this to the user declares a field."""
    n_views: ClassVar[int] = 2
    """How many views of each image a step has, each with augmentations of its own."""
    augment: str
    select: Literal["last", "validation"]

    def augmentations(self, channels: int) -> list[str]:
        """The spec of each view; none is the image as it is."""
        auto = DRAWING_VIEWS if channels == 1 else COLOUR_VIEWS
        return [auto if self.augment == "auto" else self.augment] * self.n_views

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        """What is trained in addition to the encoder, and what outlives an interruption in buffers.

        The default has no module.
        """
        return {}

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What `loss` compares, of the prepared images of each view [n, c, h, w].

        network: `encoder` and the further modules by name. Each view is embedded in a pass of its
        own, by default through `projector`, so that batch norm takes its moments alone.
        """
        encoder: Backbone = network["encoder"]  # type: ignore[assignment]
        return tuple(network["projector"](encoder.embed(view)) for view in views)

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        """The loss of what `embed` gave, in float32 and outside autocast."""
        raise NotImplementedError(f"{type(self).__name__} has no loss(network, *embedded)")

    def labelled_modules(self, encoder: Backbone, n_classes: int) -> dict[str, nn.Module]:
        """What `further_modules` is, for an objective that uses the labels of so many classes."""
        return {}

    def labelled_loss(self, network: nn.ModuleDict, labels: Tensor, *embedded: Tensor) -> Tensor:
        """What is added to `loss`, by labels int64 [n] of the images, -1 for those without."""
        raise NotImplementedError(f"{type(self).__name__} has no labelled_loss(...)")

    def after_step(self, network: nn.ModuleDict, progress: float) -> None:
        """Change what gradients do not, such as a momentum teacher, after each step.

        progress: the part of the training that is done, above 0 and at most 1.
        """

    def health(self, network: nn.ModuleDict, *embedded: Tensor) -> dict[str, float]:
        """What tells a collapsed network, of a batch after training, by its name in the manifest.

        By default the `spread` of the first view's embeddings.
        """
        return {"spread": spread(embedded[0])}

    def sickness(self, health: dict[str, float]) -> str:
        """The sentence of a warning that the network has collapsed; empty if it has not."""
        found = health.get("spread", 1.0)
        return f"its features are nearly one point (spread {found:.3f})" * (found < COLLAPSED)

    def quick(self, task: Task) -> ObjectiveRecipe:
        """A recipe for minutes on two cores; the smoke budget takes 30 of its steps."""
        steps = 500 if task.image_shape[2] == 1 else 2000
        return ObjectiveRecipe(128, 2e-3, steps=steps, warmup=50 / steps, weight_decay=1e-4)

    def published(self, task: Task) -> ObjectiveRecipe:
        """The recipe of the paper, or of its reproduction on small images."""
        raise NotImplementedError(f"{type(self).__name__} has no published(task)")


def spread(features: Tensor) -> float:
    """How far features [n, d] of unit length are spread: near 1 in all directions, 0 in a point.

    It is the mean standard deviation of a dimension, times the root of d. (arXiv:2011.10566,
    section 4.1)
    """
    unit = F.normalize(features.float(), dim=1)
    return float(unit.std(0, correction=0).mean() * unit.shape[1] ** 0.5)


def mlp(*sizes: int, batch_norm: bool = True, last_norm: bool = False) -> nn.Sequential:
    """Linear layers with ReLU in between, and batch norm before it, as projectors are.

    sizes: of the input, of each layer and of the output. Layers before a norm have no bias.
    last_norm: whether the output is normalised as well, by a norm without weights.
    """
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        last = number == len(sizes) - 1
        normed = last_norm if last else batch_norm
        layers.append(nn.Linear(inputs, outputs, bias=not normed))
        if normed:
            layers.append(nn.BatchNorm1d(outputs, affine=not last))
        if not last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Teacher(nn.Module):
    """A copy of modules that follows them, and gets no gradient (arXiv:2006.07733).

    Its batch norms take the moments of the batch, as the student's do, and keep buffers of their
    own.
    """

    def __init__(self, student: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(deepcopy(list(student)))

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """What the copies of an encoder and of what follows it give for prepared images."""
        encoder, *others = self.layers
        output: Tensor = encoder.embed(pixels)  # type: ignore[operator]
        for layer in others:
            output = layer(output)
        return output

    @torch.no_grad()
    def follow(self, student: Sequence[nn.Module], momentum: float, progress: float = 0.0) -> None:
        """Keep a share of its own parameters, and take the rest from the student's.

        momentum: the share at the beginning; it rises to 1 along half a cosine of the training, of
        which the part `progress` is done.
        """
        taken = (1 - momentum) * (cos(pi * progress) + 1) / 2
        for mine, theirs in zip(self.layers, student, strict=True):
            for own, other in zip(mine.parameters(), theirs.parameters(), strict=True):
                own.lerp_(other.to(own.dtype), taken)
