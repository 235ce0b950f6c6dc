"""Prototypical networks of several tasks that SPSA weighs (Boiarov, Khabarlak & Yastrebov, 2021).

Multi-task modification by stochastic approximation, arXiv:2110.13188; first as arXiv:2006.05152.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import torch
from torch import Tensor, nn

from benchbench import (
    Bounds,
    EpisodeGroup,
    MetricMethod,
    Recipe,
    Scale,
    Support,
    Task,
    TrainingSource,
    class_means,
    hookimpl,
    milestones,
    random_signs,
    spsa_gradient,
)


def weighted_sum(losses: Tensor, omega: Tensor) -> Tensor:
    """sum_i L_i / omega_i^2 + log omega_i^2, of losses [m] and omega [m]."""
    return (losses / omega.square() + omega.square().log()).sum()


class TaskWeights(nn.Module):
    """The weights 1 / omega^2 of the tasks, which SPSA learns; all that it counts is in buffers.

    unit_every: updates between two scalings of omega to unit length.
    """

    omega: Tensor
    steps: Tensor
    updates: Tensor

    def __init__(self, tasks: int, alpha: float, beta: float, unit_every: int) -> None:
        super().__init__()
        self.alpha, self.beta, self.unit_every = alpha, beta, unit_every
        self.register_buffer("omega", torch.full((tasks,), 1 / tasks))
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("updates", torch.tensor(0))

    @torch.no_grad()
    def update(self, losses: Tensor, signs: Tensor) -> None:
        """One step of SPSA on omega at fixed losses [m]: no forward pass of the network."""
        self.updates += 1
        n = float(self.updates)
        rate, distance = self.alpha * n ** (-1 / 6), self.beta * n ** (-1 / 24)
        gradient = spsa_gradient(partial(weighted_sum, losses), self.omega, signs, distance)
        self.omega -= rate * gradient
        if self.updates % self.unit_every == 0:
            self.omega /= self.omega.norm()


@dataclass
class SPSAProtoNet(MetricMethod):
    """A prototypical network on several tasks a step, whose weights SPSA changes while it trains.

    A step's loss is sum_i L_i / omega_i^2 + log omega_i^2 over its groups of tasks. It is the plain
    mean in the first third of the training, as the authors train plainly first. Scores are minus
    the squared Euclidean distance, divided by the dimension and times a learned factor. There are
    no weights of tasks at the test.

    Promise nothing of it: at the published alpha and beta the two points at which SPSA looks lie
    so far from omega that the losses hardly count, and omega wanders near 1 / sqrt(tasks) whatever
    they are. A small beta at the published alpha diverges; alpha=0.01,beta=0.05 is one that follows
    the losses.

    backbone: trained from scratch, episode by episode.
    tasks: how many losses a step weighs; the authors have 4, and 2 for ResNet-12.
    alpha: the rate of SPSA, times n^(-1/6) at its n-th step.
    beta: the distance of its points from omega, times n^(-1/24).
    """

    name = "spsa_protonet"
    paper = "arXiv:2110.13188"
    family = "metric-based"
    plain_steps: int = field(init=False, repr=False, compare=False)
    tasks: Annotated[int, Bounds(ge=1, le=64)] = 4
    alpha: Annotated[float, Bounds(ge=0)] = 0.25
    beta: Annotated[float, Bounds(gt=0)] = 15.0

    def quick(self, task: Task) -> Recipe:
        """Small episodes, as a step has several."""
        shot = 1 if task.image_shape[2] == 1 else 5
        return {"way": 20, "shot": shot, "query": 5, "tasks": self.tasks, "steps": 450, "lr": 4e-3}

    def published(self, task: Task) -> Recipe:
        """20 plain epochs of 1000 batches of 8 episodes, then 40 at a tenth of MetaOptNet's rates.

        A loss is the mean of a batch, and a step has `tasks` batches in both parts; the authors
        take plain steps after each batch.
        """
        epoch = 1000 // self.tasks
        rates = milestones({20 * epoch: 0.006, 40 * epoch: 0.0012, 50 * epoch: 0.00024})
        colour = task.image_shape[2] == 3
        shape = {"way": task.n_way or 5, "shot": task.n_shot or 1, "query": 6}
        augment = f"pad_crop[pad={task.image_shape[0] // 10}]+jitter+flip" if colour else None
        loop = {"tasks": 8 * self.tasks, "augment": augment, "steps": 60 * epoch}
        sgd = {"optimizer": partial(torch.optim.SGD, momentum=0.9, nesterov=True), "lr": 0.1}
        further = {"schedule": rates, "weight_decay": 5e-4, "validate_every": epoch}
        return shape | loop | sgd | further

    def recipe(self, source: TrainingSource) -> Recipe:
        recipe = super().recipe(source)
        self.plain_steps = recipe["steps"] // 3
        return recipe

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        weights = TaskWeights(self.tasks, self.alpha, self.beta, 1000 // self.tasks)
        return {"scale": Scale(), "weights": weights}

    @property
    def weights(self) -> TaskWeights:
        weights: TaskWeights = self.network["weights"]  # type: ignore[assignment]
        return weights

    def loss(self, data: EpisodeGroup) -> Tensor:  # type: ignore[override]
        """The weighted sum over a group's tasks, or their mean while the training is plain."""
        losses = self.losses(data).view(self.tasks, -1).mean(1)
        self.weights.steps += 1
        if self.weights.steps <= self.plain_steps:
            return losses.mean()
        self.weights.update(losses.detach(), random_signs(losses))
        return weighted_sum(losses, self.weights.omega)

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        prototypes = class_means(support_features, support)
        distances = (query_features[:, None] - prototypes).square().mean(2)
        scores: Tensor = self.network["scale"](-distances)
        return scores


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(SPSAProtoNet)
