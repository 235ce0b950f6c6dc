"""Proto-MAML (Triantafillou et al., Meta-Dataset, ICLR 2020, arXiv:1903.03096)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    InnerLoopMethod,
    Support,
    TrainingSource,
    Weights,
    create_backbone,
    embed_with,
    fit,
    hookimpl,
    step_decay,
)


@dataclass
class ProtoMAML(InnerLoopMethod):
    """MAML whose head begins as the support's prototypes, so that any way will do.

    W = 2c and b = -|c|^2 (section 3): before the first step the softmax is that of a prototypical
    network. The outer gradient flows through the prototypes into the initial weights. The defaults
    are those that Meta-Dataset found for training on all its sources, with 5 further steps at the
    test; for ImageNet alone they are 6 steps at 0.00544. The rate is on the mean cross-entropy.
    """

    name = "proto_maml"
    paper = "arXiv:1903.03096"
    inner_steps: int = 1
    test_steps: int = 6
    inner_lr: float = 0.0199

    def train(self, source: TrainingSource) -> None:
        """The paper budget has Meta-Dataset's rates for ImageNet alone, an episode a step."""
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        published = source.budget.name == "paper"
        way = source.budget.choose(smoke=10, quick=10, paper=source.task.n_way or 20)
        tasks = source.budget.choose(smoke=1, quick=2, paper=1)
        shot = (source.task.n_shot or 5) if published else 1
        fit(
            source,
            self.encoder,
            self.loss,
            source.episodes(way, shot, query=10 if published else 5).grouped(tasks),
            steps=source.budget.training_steps(smoke=10, quick=1000, paper=75_000),
            lr=3.63e-4 if published else 4e-3,
            schedule=step_decay(2500, 0.648) if published else None,
            validate_every=500 if published else 200,
        )

    def start(self, weights: Weights, known: Tensor, support: Support) -> Weights:
        with self.moments():
            features = embed_with(self.encoder, weights, known).float()
        members = F.one_hot(support.labels, support.n_way).to(features)
        prototypes = members.T @ features / members.sum(0)[:, None]
        head = {"head.weight": 2 * prototypes, "head.bias": -prototypes.square().sum(1)}
        return weights | head


@dataclass
class FOProtoMAML(ProtoMAML):
    """First-order Proto-MAML, as in Meta-Dataset; the path through the prototypes is kept."""

    name = "fo_proto_maml"
    second_order = False


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ProtoMAML)
    register(FOProtoMAML)
