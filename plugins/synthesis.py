"""Features that a network makes of vectors, after f-CLSWGAN (Xian et al., arXiv:1712.00981)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import Bounds, DescribedMethod, Rule, SeenClasses, cosines, hookimpl

PENALTY = 10.0
"""Of gradients whose length is not one, as in the paper."""
SCALE = 16.0
"""On cosines with the means of seen classes, in the generator's cross-entropy."""

Drawn = tuple[Tensor, Tensor, Tensor]
"""Features [batch, d], labels [batch] and unit vectors [batch, a] of some pictures."""


@dataclass
class Synthesis(DescribedMethod):
    """A small conditional Wasserstein GAN makes features of a vector; their mean is the class.

    Cosines with the mean of an unseen class's features tell. f-CLSWGAN has layers of 4096 units,
    five steps of the critic for one of the generator, and trains a softmax on 300 features a class;
    its cross-entropy is that of a classifier of seen classes, here cosines with their means.

    hidden: units of the one hidden layer of generator and critic.
    critic: its steps for each of the generator.
    weight: of the cross-entropy in the generator's loss.
    features_each: how many are made of each class; all classes share their noise.
    """

    name = "synthesis"
    paper = "arXiv:1712.00981"
    family = "zero-shot"
    hidden: Annotated[int, Bounds(ge=1, le=4096)] = 256
    critic: Annotated[int, Bounds(ge=1, le=100)] = 3
    weight: Annotated[float, Bounds(ge=0)] = 0.1
    features_each: Annotated[int, Bounds(ge=1, le=1000)] = 20

    def rule(self, seen: SeenClasses) -> Rule:
        generator = torch.Generator().manual_seed(self.seed)
        single = SeenClasses(seen.features.float(), seen.labels, seen.vectors.float())
        networks = Adversaries(single, self.hidden, self.weight, generator)
        for _ in range(max(1, self.steps // self.critic)):
            for _ in range(self.critic):
                networks.teach_critic()
            networks.teach_generator()
        noise = networks.noise(self.features_each)
        networks.requires_grad_(False)

        def score(features: Tensor, vectors: Tensor) -> Tensor:
            unit = F.normalize(vectors, dim=1).float()
            made = [networks.made(unit, one.expand(len(unit), -1)) for one in noise]
            return cosines(features, torch.stack(made).mean(0).double())

        return score


class Adversaries(nn.Module):
    """A generator of features and its critic, both given the unit vector of the class."""

    def __init__(
        self, seen: SeenClasses, hidden: int, weight: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.seen, self.weight, self.drawer = seen, weight, generator
        self.unit = F.normalize(seen.vectors, dim=1)
        self.directions = F.normalize(seen.one_hot.float().T @ seen.features, dim=1)
        size, self.size = seen.features.shape[1], self.unit.shape[1]
        self.generator = _network(2 * self.size, hidden, size, generator)
        self.critic = _network(size + self.size, hidden, 1, generator)
        rates = {"lr": 1e-3, "betas": (0.5, 0.999)}
        self.of_critic = torch.optim.Adam(self.critic.parameters(), **rates)  # type: ignore[arg-type]
        self.of_generator = torch.optim.Adam(self.generator.parameters(), **rates)  # type: ignore[arg-type]

    def noise(self, count: int) -> Tensor:
        """Of a feature each, [count, a]."""
        return torch.randn(count, self.size, generator=self.drawer)

    def made(self, unit: Tensor, noise: Tensor) -> Tensor:
        """Features [n, d] of unit vectors [n, a] and noise [n, a]."""
        features: Tensor = self.generator(torch.cat([unit, noise], 1))
        return features

    def teach_critic(self) -> None:
        """One step: real features should score higher than made ones, with slopes of one."""
        real, _, unit = self._drawn()
        with torch.no_grad():
            false = self.made(unit, self.noise(len(unit)))
        share = torch.rand(len(unit), 1, generator=self.drawer)
        between = (share * real + (1 - share) * false).requires_grad_()
        judged = self._judged(between, unit).sum()
        (slopes,) = torch.autograd.grad(judged, between, create_graph=True)
        penalty = PENALTY * (slopes.norm(dim=1) - 1).square().mean()
        loss = self._judged(false, unit).mean() - self._judged(real, unit).mean() + penalty
        self.of_critic.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.of_critic.step()

    def teach_generator(self) -> None:
        """One step: made features should score high, and be of their class."""
        _, labels, unit = self._drawn()
        made = self.made(unit, self.noise(len(unit)))
        loss = -self._judged(made, unit).mean()
        loss = loss + self.weight * F.cross_entropy(SCALE * made @ self.directions.T, labels)
        self.of_generator.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.of_generator.step()

    def _drawn(self, batch: int = 128) -> Drawn:
        places = torch.randint(len(self.seen.labels), (batch,), generator=self.drawer)
        labels = self.seen.labels[places]
        return self.seen.features[places], labels, self.unit[labels]

    def _judged(self, features: Tensor, unit: Tensor) -> Tensor:
        scores: Tensor = self.critic(torch.cat([features, unit], 1))
        return scores


def _network(inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """One hidden layer, with weights that the generator draws."""
    layers = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.LeakyReLU(0.2), layers[1])


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Synthesis)
