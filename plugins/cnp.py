"""Conditional neural processes (Garnelo et al., ICML 2018, arXiv:1807.01613), as a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from benchbench import (
    BlackBoxMethod,
    Bounds,
    Recipe,
    Task,
    constant,
    hookimpl,
)


@dataclass
class CNP(BlackBoxMethod):
    """A network reads the mean features of all classes, one after the other, and those of a query.

    Scores are g([r_1 ... r_N, h(x)]), where r_k is the mean of h over the support of class k, or 0
    without any, and g a perceptron of three layers with an output for each class. As each class has
    its place in the input of g, the way is fixed; the places are drawn for each episode. The paper
    does not say how a query is embedded: here h embeds it as well.

    backbone: h, trained from scratch in the paper's budget, and in others the shared classifier's,
        frozen; the paper has three convolutions.
    width: units of the two hidden layers of g.
    """

    name = "cnp"
    paper = "arXiv:1807.01613"
    family = "black-box"
    width: Annotated[int, Bounds(ge=1, le=4096)] = 128

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        layers = [
            nn.Linear(feature_size * (slots + 1), self.width),
            nn.ReLU(),
            nn.Linear(self.width, self.width),
            nn.ReLU(),
            nn.Linear(self.width, slots),
        ]
        return {"decoder": nn.Sequential(*layers)}

    def quick(self, task: Task) -> Recipe:
        """On the features of the shared classifier, from one shot up to the test's."""
        shape = {"way": self.slots_for(task), "shot": (1, task.n_shot or 5), "query": 2}
        loop = {"tasks": 64, "steps": 1500, "lr": 2e-3}
        return shape | loop | {"frozen_classifier": True}

    def published(self, task: Task) -> Recipe:
        """Adam 1e-4, as in the authors' regressions, on images that are turned and shifted a bit.

        The paper prints no recipe for classification: tasks a step, their number and the sizes of
        turns and shifts (those of MANN's recipe) are guessed.
        """
        way, most = self.slots_for(task), task.n_shot or 5
        shape = {"way": way, "shot": (1, most), "query": 5, "tasks": 16}
        augment = "affine[degrees=11.25,shift=0.095]"
        fixed = {"steps": 100_000, "lr": 1e-4, "schedule": constant, "validate_every": 1000}
        return shape | fixed | {"augment": augment, "optimizer": torch.optim.Adam}

    def read(self, known: Tensor, told: Tensor, asked: Tensor) -> Tensor:
        counts = told.sum(1)[:, :, None]
        means = told.mT @ known / counts.clamp(min=1)
        context = means.flatten(1)[:, None].expand(-1, asked.shape[1], -1)
        outputs: Tensor = self.network["decoder"](torch.cat([context, asked], dim=2))
        return outputs


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(CNP)
