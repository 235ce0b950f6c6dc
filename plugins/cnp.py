"""Conditional neural processes (Garnelo et al., ICML 2018, arXiv:1807.01613), as a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Bounds,
    Classifier,
    EpisodeGroup,
    EpisodicMethod,
    Images,
    Recipe,
    ShuffledSlots,
    Support,
    Task,
    class_means,
    hookimpl,
)


@dataclass
class CNP(ShuffledSlots, EpisodicMethod):
    """A network reads the means of all classes, side by side, and a query, and names the slot.

    The representation of a support, a mean for each class, has a size that does not depend on the
    number of images (section 4.3). Queries have the support's encoder, which the paper leaves open.
    Slots are drawn at random in each episode, so that none is preferred.

    backbone: trained from scratch, unless it comes with weights.
    width: units of the two hidden layers that read the representation.
    """

    name = "cnp"
    paper = "arXiv:1807.01613"
    width: Annotated[int, Bounds(ge=1, le=65_536)] = 128

    def quick(self, task: Task) -> Recipe:
        shape = {"way": self.slots_for(task), "shot": task.n_shot or 1, "query": 2}
        return shape | {"tasks": 16, "steps": 700, "lr": 1e-3}

    def published(self, task: Task) -> Recipe:
        """The test's way and shot; the paper's text gives no more, and the rest is a choice."""
        return self.quick(task) | {"steps": 60_000, "validate_every": 500}

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        reader = nn.Sequential(
            nn.Linear((slots + 1) * feature_size, self.width),
            nn.ReLU(),
            nn.Linear(self.width, self.width),
            nn.ReLU(),
            nn.Linear(self.width, slots),
        )
        return {"reader": reader}

    def loss(self, episodes: EpisodeGroup) -> Tensor:
        """The mean cross-entropy over a group of episodes, whose images are embedded together."""
        embedded = episodes.split(self.encoder(episodes.images))
        losses = []
        for (known, asked), episode in zip(embedded, episodes, strict=True):
            scores = self.scores(asked, known, episode.support).float()
            losses.append(F.cross_entropy(scores, episode.query_labels.to(scores.device)))
        return torch.stack(losses).mean()

    def adapt(self, support: Support) -> Classifier:
        known = self.encoder(support.images)

        def classify(images: Images) -> Tensor:
            return self.scores(self.encoder(images), known, support)

        return classify

    def scores(self, asked: Tensor, known: Tensor, support: Support) -> Tensor:
        """Scores [n_query, n_way] of query features by support features, in random slots."""
        means, slots = class_means(known, support), self.shuffle(support).slots.to(known.device)
        context = means.new_zeros(self.n_slots, means.shape[1]).index_copy(0, slots, means)
        read = torch.cat([context.flatten().expand(len(asked), -1), asked], dim=1)
        return self.network["reader"](read)[:, slots]


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(CNP)
