"""Relation networks (Sung, Yang, Zhang, Xiang, Torr & Hospedales, CVPR 2018, arXiv:1711.06025)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import BenchbenchError, MetricMethod, Recipe, Support, Task, hookimpl, step_decay

WIDTH, HIDDEN = 64, 8
QUERIES = {(5, 1): 19, (5, 5): 15, (20, 1): 10, (20, 5): 5}
"""Of the authors' training on Omniglot, per class, by way and shot."""


class Relation(nn.Module):
    """How alike a class and a query are, from 0 to 1: two convolutions and two linear layers.

    channels, height, width: of their maps. Maps of 10 x 10 and more are convolved without padding,
    as the authors do on miniImageNet (19 x 19); smaller ones with it, as on Omniglot (5 x 5).
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        padding = int(min(height, width) < 10)
        sides = [((side + 2 * padding - 2) // 2 + 2 * padding - 2) // 2 for side in (height, width)]
        self.first = nn.Conv2d(2 * channels, WIDTH, 3, padding=padding)
        self.rest = nn.Sequential(
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=padding),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(WIDTH * prod(sides), HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 1),
            nn.Sigmoid(),
        )

    def forward(self, classes: Tensor, queries: Tensor) -> Tensor:
        """Relations [n_query, n_way] of maps [n_way, c, h, w] and [n_query, c, h, w]."""
        # A convolution of joined maps is a sum, whose parts are computed once a map, not a pair.
        of_class, of_query = self.first.weight.split(classes.shape[1], dim=1)
        padding = self.first.padding
        left = F.conv2d(classes, of_class, padding=padding)
        right = F.conv2d(queries, of_query, self.first.bias, padding=padding)
        pairs = (right[:, None] + left).flatten(0, 1)
        relations: Tensor = self.rest(pairs).view(len(queries), len(classes))
        return relations


@dataclass
class RelationNet(MetricMethod):
    """A network learns how alike a query's map and a class's are; the most alike class wins.

    Scores are the relations, and the loss is their mean squared error over queries and classes. A
    class's map is the sum of its support's, as in the authors' code, so that training has the
    test's shot. The authors normalise the test's queries by their own statistics, together
    (`bn=transductive`); their gradients of the backbone and of the relation are clipped apart, here
    together.

    backbone: trained from scratch; it must have a map of at least 4 x 4.
    combine: `sum` or `mean` of a class's support maps; the same with 1 shot.
    bn: the `running` statistics of the training, or those of the batch (`transductive`).
    """

    name = "relation_net"
    paper = "arXiv:1711.06025"
    family = "metric-based"
    backbone: str = "conv4[pools=2,padding=0]"
    combine: Literal["sum", "mean"] = "sum"
    bn: Literal["running", "transductive"] = "running"

    def quick(self, task: Task) -> Recipe:
        """Many classes of the test's shot; fewer steps where large maps make them slow."""
        recipe: Recipe = {"shot": task.n_shot or 1, "lr": 2e-3}
        if task.image_shape[2] == 1:
            return recipe | {"way": 20, "query": 4, "steps": 1800}
        return recipe | {"way": 10, "query": 5, "steps": 2000 if task.image_shape[0] <= 40 else 600}

    def published(self, task: Task) -> Recipe:
        """The authors' code for Omniglot; on other data that for miniImageNet."""
        way, shot = task.n_way or 5, task.n_shot or 1
        omniglot = task.dataset.startswith("omniglot")
        elsewhere = 15 if shot == 1 else 10
        return {
            "way": way,
            "shot": shot,
            "query": QUERIES.get((way, shot), elsewhere) if omniglot else elsewhere,
            "steps": 1_000_000 if omniglot else 500_000,
            "lr": 1e-3,
            "schedule": step_decay(100_000),
            "clip_norm": 0.5,
            "validate_every": 5000,
        }

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        shape = self.encoder.map_shape
        if shape is None or min(shape[1:]) < 4:
            found = "none" if shape is None else f"one of {shape[1]}x{shape[2]} for these images"
            other = "resnet12[pool=false]" if shape is None else "images of 22 px or more"
            raise BenchbenchError(
                "relation_net compares maps, features with height and width, of at least 4x4; "
                f"{self.backbone} has {found}; use backbone=conv4[pools=2,padding=0] or {other}."
            )
        relation = Relation(*shape)
        relation.apply(as_the_authors_begin)
        if not self.encoder.pretrained_on:
            self.encoder.apply(as_the_authors_begin)
        return {"relation": relation}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        members = F.one_hot(support.labels, support.n_way).to(support_features)
        classes = members.T @ support_features
        if self.combine == "mean":
            classes = classes / members.sum(0).clamp(min=1)[:, None]
        shape = self.encoder.map_shape
        with self.moments():
            relations: Tensor = self.network["relation"](
                classes.unflatten(1, shape), query_features.unflatten(1, shape)
            )
        return relations

    def criterion(self, scores: Tensor, labels: Tensor, support: Support) -> Tensor:
        return F.mse_loss(scores, F.one_hot(labels, support.n_way).to(scores))


def as_the_authors_begin(module: nn.Module) -> None:
    """Draw a layer's first weights as the authors' code does."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(
            module.weight, std=(2 / (prod(module.kernel_size) * module.out_channels)) ** 0.5
        )
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.ones_(module.bias)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(RelationNet)
