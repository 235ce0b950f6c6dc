"""FEAT (Ye, Hu, Zhan & Sha, CVPR 2020, arXiv:1812.03664)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import MetricMethod, Recipe, Support, Task, class_means, hookimpl, step_decay


class SetAttention(nn.Module):
    """Self-attention of one head over a set of vectors, with a residual and layer norm.

    Its parts and their initial weights are those of the authors' code: no biases but the last
    layer's, dropout of 0.1 on the attention and of 0.5 on the output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(size, size, bias=False) for _ in range(3))
        self.output = nn.Linear(size, size)
        for layer in (self.query, self.key, self.value, self.output):
            nn.init.xavier_normal_(layer.weight)
        self.norm = nn.LayerNorm(size)

    def forward(self, vectors: Tensor, apart: Tensor | None = None) -> Tensor:
        """Each of the vectors [n, d] as the others change it.

        apart: bool [n, n], true where a vector does not attend to another.
        """
        affinity = self.query(vectors) @ self.key(vectors).T / vectors.shape[1] ** 0.5
        if apart is not None:
            affinity = affinity.masked_fill(apart, -torch.inf)
        attention = F.dropout(affinity.softmax(1), 0.1, self.training)
        change = self.output(attention @ self.value(vectors))
        changed: Tensor = self.norm(vectors + F.dropout(change, 0.5, self.training))
        return changed


@dataclass
class FEAT(MetricMethod):
    """Prototypes that attend to each other before they are compared with the queries.

    The variant is the transformer in squared Euclidean distance, divided by the temperature;
    queries are not changed. In training each class's images, queries included, attend to each other
    as well, and all images are classified by these classes' means. It begins with the classifier of
    all training classes that `knn` has; the authors choose theirs on 16-way episodes.

    backbone: first trained to classify the training classes, unless it comes with weights.
    distance: `euclidean` (squared), or the inner product with prototypes of unit length, which the
        authors call `cosine`.
    temperature: what distances are divided by.
    contrast: the weight of the auxiliary loss.
    contrast_temperature: what the distances of that loss are divided by.
    """

    name = "feat"
    paper = "arXiv:1812.03664"
    family = "metric-based"
    pretrained = True
    distance: Literal["euclidean", "cosine"] = "euclidean"
    temperature: float = 64.0
    contrast: float = 1.0
    contrast_temperature: float = 16.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.temperature, self.contrast_temperature) <= 0 or self.contrast < 0:
            raise ValueError("temperatures must be above 0, and contrast cannot be negative")

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"attention": SetAttention(feature_size)}

    def quick(self, task: Task) -> Recipe:
        """Few steps at a low rate, ten times that for the attention; the test's shot up to 5."""
        shape = {"way": 20, "shot": min(task.n_shot or 1, 5), "query": 5, "steps": 300}
        return shape | {"lr": 3e-4, "rates": {"attention": 10.0}, "validate_every": 30}

    def published(self, task: Task) -> Recipe:
        """200 epochs of 100 episodes: Adam for ConvNet, SGD for ResNet, halved in steps.

        The temperatures and the weight of the auxiliary loss are searched for each table; the
        defaults are those of the ConvNet in 1-shot on miniImageNet.
        """
        shape = {"way": task.n_way or 5, "shot": task.n_shot or 1, "query": 15, "steps": 20_000}
        shape |= {"rates": {"attention": 10.0}, "validate_every": 100}
        if self.backbone.startswith("conv4"):
            kind = {"optimizer": torch.optim.Adam, "lr": 1e-4, "schedule": step_decay(2000)}
        else:
            sgd = partial(torch.optim.SGD, momentum=0.9, nesterov=True)
            kind = {"optimizer": sgd, "lr": 2e-4, "weight_decay": 5e-4}
            kind["schedule"] = step_decay(4000)
        return shape | kind

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        prototypes = self.network["attention"](class_means(support_features, support))
        return self.nearness(query_features, prototypes) / self.temperature

    def further_loss(
        self, query_features: Tensor, labels: Tensor, support_features: Tensor, support: Support
    ) -> Tensor | None:
        """The auxiliary loss, of both the support and the queries."""
        if self.contrast == 0:
            return None
        features = torch.cat([support_features, query_features])
        labels = torch.cat([support.labels.to(labels.device), labels])
        changed = self.network["attention"](features, apart=labels[:, None] != labels)
        members = F.one_hot(labels, support.n_way).to(features)
        centres = members.T @ changed / members.sum(0).clamp(min=1)[:, None]
        scores = self.nearness(features, centres) / self.contrast_temperature
        return self.contrast * F.cross_entropy(scores, labels)

    def nearness(self, features: Tensor, centres: Tensor) -> Tensor:
        """How near features [n, d] are to centres [n_way, d], before the temperature."""
        if self.distance == "cosine":
            return features @ F.normalize(centres, dim=1).T
        return -(features[:, None] - centres).square().sum(2)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(FEAT)
