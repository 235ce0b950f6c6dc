"""LEO, latent embedding optimization (Rusu et al., ICLR 2019, arXiv:1807.05960)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    LatentSpace,
    LinearMethod,
    Recipe,
    Support,
    Task,
    TrainingSource,
    class_means,
    constant,
    descend_tensor,
    draw_gaussian,
    gaussian_divergence,
    hookimpl,
)

LATENT = 64


@dataclass(frozen=True)
class Configuration:
    """Rate and decay, the weights of what is added to the loss, and the share dropped."""

    lr: float
    weight_decay: float
    orthogonality: float
    dropout: float
    kl: float
    encoder: float


PUBLISHED = {
    ("miniimagenet", 1): Configuration(2.739e-4, 3.62e-10, 0.188, 0.308, 0.756, 5.76e-6),
    ("miniimagenet", 5): Configuration(4.10e-4, 8.54e-9, 1.52e-3, 0.300, 0.466, 2.66e-7),
    ("tieredimagenet", 1): Configuration(8.66e-4, 4.15e-10, 5.45e-3, 0.475, 2.03e-3, 8.30e-5),
    ("tieredimagenet", 5): Configuration(6.11e-4, 1.69e-10, 2.48e-2, 0.415, 1.62, 2.67e-5),
}
"""What the authors' search found for a data set and shot."""


@dataclass
class LEO(LinearMethod):
    """Adapts a linear classifier in a latent space of 64 numbers a class, then its weights.

    Features are those of a frozen classifier of the training classes, scaled to unit length. Each
    support image keeps a copy of its class's latent and of the weights that it decodes to; a logit
    is the mean over a class's copies. Inner losses are summed over the support. In training latents
    and weights are sampled and features dropped; at the test means take their place. A class
    without support images has weights of zero.

    backbone: first trained to classify the training classes, unless it comes with weights.
    latent_steps: gradient steps on the latents, at learned rates.
    weight_steps: gradient steps on the weights after them, at learned rates.
    """

    name = "leo"
    paper = "arXiv:1807.05960"
    family = "optimisation-based"
    pretrained = True
    trains_encoder = False
    penalties: Configuration = field(init=False, repr=False, compare=False)
    latent_steps: Annotated[int, Bounds(ge=0, le=10**6)] = 5
    weight_steps: Annotated[int, Bounds(ge=0, le=10**6)] = 5

    @property
    def space(self) -> LatentSpace:
        space: LatentSpace = self.network["space"]  # type: ignore[assignment]
        return space

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"space": LatentSpace(feature_size, LATENT)}

    def quick(self, task: Task) -> Recipe:
        """The penalties for miniImageNet in 1-shot, but for a smaller one on the divergence."""
        shape = {"way": task.n_way or 5, "shot": task.n_shot or 1, "query": 15, "tasks": 4}
        penalties = replace(PUBLISHED["miniimagenet", 1], kl=0.01)
        return shape | {"steps": 1500, "lr": 1e-3, "clip_value": 0.1, "penalties": penalties}

    def published(self, task: Task) -> Recipe:
        """12 tasks a step; rate and penalties as found for miniImageNet or tieredImageNet.

        Other data take miniImageNet's. The paper also clips each gradient at a norm of 0.1 after
        its elements, goes on where a loss is not finite, and trains on the validation classes too.
        """
        dataset = "tieredimagenet" if task.dataset.startswith("tiered") else "miniimagenet"
        found = PUBLISHED[dataset, 1 if (task.n_shot or 1) < 5 else 5]
        shape = {"way": task.n_way or 5, "shot": task.n_shot or 1, "query": 15, "tasks": 12}
        adam = {"optimizer": torch.optim.Adam, "lr": found.lr, "weight_decay": found.weight_decay}
        loop = {"steps": 100_000, "schedule": constant, "validate_every": 1000, "clip_value": 0.1}
        return shape | adam | loop | {"penalties": found}

    def recipe(self, source: TrainingSource) -> Recipe:
        recipe = super().recipe(source)
        self.penalties = recipe.pop("penalties")
        return recipe

    def step_penalty(self) -> Tensor:
        return self.penalties.orthogonality * self.space.orthogonality()

    def seen_in_training(self, features: Tensor) -> Tensor:
        return F.dropout(features, self.penalties.dropout)

    def class_weights(
        self, features: Tensor, support: Support, *, training: bool
    ) -> tuple[Tensor, list[Tensor]]:
        if not training:
            latents = self.space.encode(features, support)[0].detach().requires_grad_()
            return self.adapted(latents, features, support, training=False)[1], []
        means, log_deviations = self.space.encode(self.seen_in_training(features), support)
        latents, log_densities = draw_gaussian(means, log_deviations, sample=True)
        found, weights = self.adapted(latents, features, support, training=True)
        divergence = self.penalties.kl * gaussian_divergence(latents, log_densities)
        return weights, [divergence, self.penalties.encoder * F.mse_loss(latents, found.detach())]

    def adapted(
        self, latents: Tensor, features: Tensor, support: Support, *, training: bool
    ) -> tuple[Tensor, Tensor]:
        """The latents [n, LATENT] after the steps, and the weights [n_way, d] after theirs."""
        labels, space = support.labels.to(features.device), self.space

        def loss(weights: Tensor) -> Tensor:
            seen = self.seen_in_training(features) if training else features
            logits = seen @ class_means(weights, support).T
            return F.cross_entropy(logits, labels, reduction="sum")

        decoded = partial(space.decode, n_way=support.n_way, sample=training)
        after = partial(descend_tensor, second_order=training)
        latents = after(lambda z: loss(decoded(z)), latents, self.latent_steps, space.latent_rate)
        weights = after(loss, decoded(latents), self.weight_steps, space.weight_rate)
        return latents, class_means(weights, support)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(LEO)
