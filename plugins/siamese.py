"""Siamese networks (Koch, Zemel & Salakhutdinov, ICML 2015 Deep Learning Workshop)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import Bounds, MetricMethod, Recipe, Support, Task, hookimpl, step_decay

LEAST = -1e9
"""The score of a class without support images."""


@dataclass
class Siamese(MetricMethod):
    """Each query gets the class whose support images are likeliest of the same class as the query.

    Two images are of the same class with probability sigmoid(sum_j w_j |h_j(a) - h_j(b)| + b0),
    where h is a fully connected layer with a sigmoid on the backbone's features. The score of a
    class is the mean of these log-odds over its support images, which is a choice of ours: the
    paper has one shot. Training compares each query of an episode with each support image, and
    pairs of the same class weigh way - 1 times as much as others, so that both kinds count the
    same. The paper's network is for 105 px and has 38 million weights in its layer alone; here the
    backbone is any.

    backbone: trained from scratch, episode by episode.
    width: the size of the fully connected layer, 4096 in the paper.
    """

    name = "siamese"
    paper = "https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf"
    family = "metric-based"
    width: Annotated[int, Bounds(ge=1, le=65536)] = 256

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        joint = nn.Sequential(nn.Linear(feature_size, self.width), nn.Sigmoid())
        return {"joint": joint, "likeness": nn.Linear(self.width, 1)}

    def quick(self, task: Task) -> Recipe:
        """Many pairs a step; what compares them learns ten times as fast as the backbone.

        At equal rates the accuracy on Omniglot is 8 points lower.
        """
        shape = {"way": 30, "shot": 1, "query": 4, "steps": 1300, "lr": 2e-3}
        return shape | {"rates": {"joint": 10.0, "likeness": 10.0}}

    def published(self, task: Task) -> Recipe:
        """As many pairs as the paper's largest set: 200 epochs of 150 000, at most.

        A step has the paper's 64 pairs of one class, and more than its 64 of others. The factor
        0.99 by epoch and the 20 epochs of patience are the paper's. The distortion is the paper's
        without its shear, and of every image. The paper searched rates, momentum and decay for
        each layer and does not print them; the rate is Adam's of a later implementation, without
        decay.
        """
        epoch = 150_000 // 128
        return {
            "way": 64,
            "shot": 1,
            "query": 1,
            "steps": 200 * epoch,
            "lr": 6e-5,
            "optimizer": torch.optim.Adam,
            "schedule": step_decay(epoch, 0.99),
            "augment": "affine[degrees=10,shift=0.02,scale=0.2]",
            "validate_every": epoch,
            "patience": 20,
        }

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        odds = self.log_odds(query_features, support_features)
        members = F.one_hot(support.labels, support.n_way).to(odds)
        counts = members.sum(0)
        return (odds @ members / counts.clamp(min=1)).where(counts > 0, LEAST)

    def log_odds(self, some: Tensor, others: Tensor) -> Tensor:
        """Log-odds [n, m] that features [n, d] and [m, d] are of the same class."""
        some, others = (self.network["joint"](features) for features in (some, others))
        odds: Tensor = self.network["likeness"]((some[:, None] - others).abs())
        return odds.squeeze(2)

    def criterion(self, scores: Tensor, labels: Tensor, support: Support) -> Tensor:
        """The binary cross-entropy of all pairs of a query and a class."""
        same = F.one_hot(labels, support.n_way).to(scores)
        balance = scores.new_tensor(support.n_way - 1)
        return F.binary_cross_entropy_with_logits(scores, same, pos_weight=balance)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Siamese)
