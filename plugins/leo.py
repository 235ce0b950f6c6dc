"""LEO, latent embedding optimization (Rusu et al., ICLR 2019, arXiv:1807.05960)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Classifier,
    EpisodeGroup,
    EpisodicMethod,
    Images,
    Recipe,
    Support,
    Task,
    TrainingSource,
    class_means,
    constant,
    descend,
    hookimpl,
)

LATENT = 64
LEAST_DEVIATION = 1e-10


@dataclass(frozen=True)
class Penalties:
    """The weights of what is added to the queries' loss, and the share of features dropped."""

    orthogonality: float
    dropout: float
    kl: float
    encoder: float


@dataclass(frozen=True)
class Configuration:
    """What the authors' search found for a data set and shot."""

    lr: float
    weight_decay: float
    penalties: Penalties


PUBLISHED = {
    ("miniimagenet", 1): Configuration(2.739e-4, 3.62e-10, Penalties(0.188, 0.308, 0.756, 5.76e-6)),
    ("miniimagenet", 5): Configuration(4.10e-4, 8.54e-9, Penalties(1.52e-3, 0.300, 0.466, 2.66e-7)),
    ("tieredimagenet", 1): Configuration(
        8.66e-4, 4.15e-10, Penalties(5.45e-3, 0.475, 2.03e-3, 8.30e-5)
    ),
    ("tieredimagenet", 5): Configuration(
        6.11e-4, 1.69e-10, Penalties(2.48e-2, 0.415, 1.62, 2.67e-5)
    ),
}


class LatentSpace(nn.Module):
    """The encoder, relation network and decoder, none with a bias, and the learned rates.

    size: of the features. latent_rate, weight_rate: initial rates.
    """

    def __init__(self, size: int, latent_rate: float = 1.0, weight_rate: float = 1e-3) -> None:
        super().__init__()
        self.encoder = nn.Linear(size, LATENT, bias=False)
        layers = [nn.Linear(2 * LATENT, 2 * LATENT, bias=False) for _ in range(3)]
        self.relation = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        self.decoder = nn.Linear(LATENT, 2 * size, bias=False)
        self.latent_rate = nn.Parameter(torch.full((LATENT,), latent_rate))
        self.weight_rate = nn.Parameter(torch.full((size,), weight_rate))

    def encode(self, features: Tensor, support: Support) -> tuple[Tensor, Tensor]:
        """Means and log-deviations [n, LATENT] of a latent for each support image.

        A class has the mean over its images' relations to all images, the same for each of them.
        """
        codes = self.encoder(features)
        count = len(codes)
        pairs = torch.cat(
            [
                codes[:, None].expand(count, count, LATENT),
                codes[None].expand(count, count, LATENT),
            ],
            dim=2,
        )
        relations = self.relation(pairs).mean(1)
        means, deviations = class_means(relations, support)[support.labels].chunk(2, dim=1)
        return means, deviations

    def orthogonality(self) -> Tensor:
        """How far the directions that the latents decode to are from right angles."""
        directions = F.normalize(self.decoder.weight.T, dim=1)
        return (directions @ directions.T - torch.eye(LATENT).to(directions)).square().mean()


def drawn(means: Tensor, log_deviations: Tensor, shift: float, sample: bool) -> tuple[Tensor, ...]:
    """A sample of Gaussians of deviations exp(s) - 1 + shift, or their means; its log-densities.

    The densities are those of the noise: deviations are often far below what float32 can tell from
    zero in the difference of a sample and its mean.
    """
    deviations = (log_deviations.exp() - (1 - shift)).clamp(min=LEAST_DEVIATION)
    noise = torch.randn_like(means) if sample else torch.zeros_like(means)
    densities = -(noise.square() + log(2 * pi)) / 2 - deviations.log()
    return means + deviations * noise, densities


def divergence(samples: Tensor, log_densities: Tensor) -> Tensor:
    """log q - log p of the samples on average, p being the standard Gaussian."""
    prior = -(samples.square() + log(2 * pi)) / 2
    return (log_densities - prior).mean()


@dataclass
class LEO(EpisodicMethod):
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
    penalties: Penalties = field(init=False, repr=False, compare=False)
    latent_steps: int = 5
    weight_steps: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.latent_steps, self.weight_steps) < 0:
            raise ValueError("steps cannot be negative")

    @property
    def space(self) -> LatentSpace:
        space: LatentSpace = self.network["space"]  # type: ignore[assignment]
        return space

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"space": LatentSpace(feature_size)}

    def quick(self, task: Task) -> Recipe:
        """The penalties for miniImageNet in 1-shot, but for a smaller one on the divergence."""
        shape = {"way": task.n_way or 5, "shot": task.n_shot or 1, "query": 15, "tasks": 4}
        penalties = Penalties(0.188, 0.308, 0.01, 5.76e-6)
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
        return shape | adam | loop | {"penalties": found.penalties}

    def recipe(self, source: TrainingSource) -> Recipe:
        recipe = super().recipe(source)
        self.penalties = recipe.pop("penalties")
        return recipe

    def loss(self, episodes: EpisodeGroup) -> Tensor:
        """The queries' loss after adaptation and the penalties, the mean over a group."""
        features = self.encoder(episodes.images).float()
        with torch.autocast(features.device.type, enabled=False):
            parts = episodes.split(F.normalize(features, dim=1))
            losses = [
                self.task_loss(known, asked, each.query_labels.to(asked.device), each.support)
                for (known, asked), each in zip(parts, episodes, strict=True)
            ]
            return torch.stack(losses).mean() + (
                self.penalties.orthogonality * self.space.orthogonality()
            )

    def task_loss(self, known: Tensor, asked: Tensor, labels: Tensor, support: Support) -> Tensor:
        """The loss of an episode by the features of its support and of its queries."""
        means, log_deviations = self.space.encode(self.dropped(known), support)
        latents, log_densities = drawn(means, log_deviations, 0.0, sample=True)
        found, weights = self.adapted(latents, known, support, training=True)
        loss = F.cross_entropy(self.logits(weights, asked, support, training=True), labels)
        loss = loss + self.penalties.kl * divergence(latents, log_densities)
        return loss + self.penalties.encoder * F.mse_loss(latents, found.detach())

    def adapted(
        self, latents: Tensor, known: Tensor, support: Support, *, training: bool
    ) -> tuple[Tensor, Tensor]:
        """The latents [n, LATENT] and weights [n, d] after the steps, a row a support image.

        known: the features of the support.
        """
        labels = support.labels.to(known.device)

        def loss(weights: Tensor) -> Tensor:
            logits = self.logits(weights, known, support, training=training)
            return F.cross_entropy(logits, labels, reduction="sum")

        latents = descend(
            lambda moving: loss(self.decoded(moving["latents"], support.n_way, training)),
            {"latents": latents},
            self.latent_steps,
            self.space.latent_rate,
            second_order=training,
        )["latents"]
        weights = descend(
            lambda moving: loss(moving["weights"]),
            {"weights": self.decoded(latents, support.n_way, training)},
            self.weight_steps,
            self.space.weight_rate,
            second_order=training,
        )["weights"]
        return latents, weights

    def decoded(self, latents: Tensor, n_way: int, training: bool) -> Tensor:
        """The weights [n, d] that latents decode to; in training a sample."""
        means, log_deviations = self.space.decoder(latents).chunk(2, dim=1)
        shift = (2 / (n_way + means.shape[1])) ** 0.5  # as in Glorot and Bengio (2010)
        return drawn(means, log_deviations, shift, sample=training)[0]

    def logits(
        self, weights: Tensor, features: Tensor, support: Support, *, training: bool
    ) -> Tensor:
        """Logits [n_query, n_way], each the mean over the copies of a class's weights [n, d]."""
        seen = self.dropped(features) if training else features
        return seen @ class_means(weights, support).T

    def dropped(self, features: Tensor) -> Tensor:
        return F.dropout(features, self.penalties.dropout)

    def adapt(self, support: Support) -> Classifier:
        known = F.normalize(self.encoder(support.images), dim=1)
        with torch.enable_grad():
            latents = self.space.encode(known, support)[0].detach().requires_grad_()
            weights = self.adapted(latents, known, support, training=False)[1].detach()

        def classify(images: Images) -> Tensor:
            asked = F.normalize(self.encoder(images), dim=1)
            return self.logits(weights, asked, support, training=False)

        return classify


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(LEO)
