"""MAML (Finn, Abbeel & Levine, ICML 2017, arXiv:1703.03400), of second and of first order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from benchbench import (
    InnerLoopMethod,
    MethodError,
    Support,
    Task,
    TrainingSource,
    Weights,
    create_backbone,
    fit,
    hookimpl,
)


@dataclass
class MAML(InnerLoopMethod):
    """Learns initial weights from which a few gradient steps on the support set classify well.

    The loss of the inner loop is the mean cross-entropy of the support (section 5.2). The authors'
    code sums the losses and divides by the shot, so their rate times the way is `inner_lr`: 0.4
    for Omniglot 5-way and 0.1 for 20-way are both 2.0 here, 0.01 for miniImageNet 5-way is 0.05.
    Their method on Omniglot is `maml[inner_steps=1,test_steps=10,inner_lr=2.0,bn=transductive]`,
    with `inner_steps=5` for 20-way; the defaults suit moments of the support, which are noisier.

    The linear head is part of the initial weights: it has the way of the task, and an episode of
    fewer classes uses its first rows. All weights are adapted.
    """

    name = "maml"
    paper = "arXiv:1703.03400"

    def skip(self, task: Task) -> str | None:
        varies = "its head has a fixed way and this task's varies" if task.n_way is None else None
        return super().skip(task) or varies

    def train(self, source: TrainingSource) -> None:
        """The paper budget is the recipe for Omniglot: meta-batches of 32 tasks, 16 in 20-way,
        as many queries as support images, 60 000 iterations of Adam at 1e-3.
        """
        way, shot = source.task.n_way or 5, source.task.n_shot or 1
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        self.head = nn.Linear(self.encoder.feature_size, way)
        tasks = source.budget.choose(smoke=2, quick=4, paper=32 if way < 20 else 16)
        query = source.budget.choose(smoke=5, quick=5, paper=shot)
        quick = 400 if self.second_order else 1000  # of about equal time
        published = source.budget.name == "paper"
        fit(
            source,
            nn.ModuleDict({"encoder": self.encoder, "head": self.head}),
            self.loss,
            source.episodes(way, shot, query).grouped(tasks),
            steps=source.budget.training_steps(smoke=5, quick=quick, paper=60_000),
            lr=1e-3 if published else 3e-3,
            schedule=constant if published else None,
            validate_every=None if published else 200,  # 100 adaptations take seconds
        )

    def weights(self) -> Weights:
        return super().weights() | dict(self.head.named_parameters("head"))

    def start(self, weights: Weights, known: Tensor, support: Support) -> Weights:
        trained = self.head.out_features
        if support.n_way > trained:
            raise MethodError(f"the head was trained for {trained} classes, not {support.n_way}")
        head = {name: weights[name][: support.n_way] for name in ("head.weight", "head.bias")}
        return weights | head


@dataclass
class FOMAML(MAML):
    """First-order MAML: the inner gradients count as constants (section 5.2)."""

    name = "fomaml"
    second_order = False


def constant(step: int) -> float:
    """No schedule."""
    return 1.0


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MAML)
    register(FOMAML)
