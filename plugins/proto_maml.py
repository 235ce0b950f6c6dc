"""Proto-MAML (Triantafillou et al., Meta-Dataset, ICLR 2020, arXiv:1903.03096)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from benchbench import (
    InnerLoop,
    InnerLoopMethod,
    InnerRates,
    Recipe,
    Support,
    Task,
    Weights,
    class_means,
    embed_with,
    hookimpl,
    step_decay,
)


@dataclass
class ProtoMAML(InnerLoopMethod):
    """MAML whose head begins as the support's prototypes, so that it works for any way.

    W = 2c and b = -|c|^2 (section 3): before the first step the softmax is that of a prototypical
    network. The outer gradient flows through the prototypes into the initial weights. The rate is
    on the mean cross-entropy.

    rates: of the inner loop, `fixed` at `inner_lr`; or `learned` from there on, one for each
        element of each weight (Meta-SGD, arXiv:1707.09835). Those of the head are the same for all
        classes.
    """

    name = "proto_maml"
    paper = "arXiv:1903.03096"
    family = "optimisation-based"
    rates: InnerRates = "fixed"

    def quick(self, task: Task) -> Recipe:
        """Many classes at once, with the inner loop that Meta-Dataset found for all sources."""
        inner = InnerLoop(1, 6, 0.0199)
        recipe = {"way": 40, "shot": 1, "query": 5, "tasks": 1, "steps": 600, "lr": 4e-3}
        return recipe | {"validate_every": 200, "inner": inner}

    def published(self, task: Task) -> Recipe:
        """Meta-Dataset's best for ImageNet alone, an episode a step, on the task's way and shot.

        The test has 5 more inner steps than the training. In the paper the episodes vary in way and
        shot, the backbone is a pre-trained ResNet-18 and the images have 126 px.
        """
        shape = {"way": task.n_way or 20, "shot": task.n_shot or 5, "query": 10, "tasks": 1}
        rates = {"steps": 75_000, "lr": 3.63e-4, "schedule": step_decay(2500, 0.648)}
        return shape | rates | {"validate_every": 500, "inner": InnerLoop(6, 11, 0.00544)}

    def start(self, weights: Weights, support_pixels: Tensor, support: Support) -> Weights:
        with self.batch_statistics():
            features = embed_with(self.encoder, weights, support_pixels).float()
        prototypes = class_means(features, support)
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
