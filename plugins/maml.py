"""MAML (Finn, Abbeel & Levine, ICML 2017, arXiv:1703.03400), of second and of first order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from benchbench import (
    InnerLoop,
    InnerLoopMethod,
    MethodError,
    Recipe,
    Support,
    Task,
    Weights,
    constant,
    hookimpl,
)


@dataclass
class MAML(InnerLoopMethod):
    """Learns initial weights from which a few gradient steps on the support set classify well.

    The loss of the inner loop is the mean cross-entropy of the support (section 5.2). The authors'
    code sums the losses and divides by the shot, so that `inner_lr` is their rate times the way.
    Theirs is `bn=transductive`; moments of the support are noisier, which the paper budget's large
    steps on Omniglot feel. All weights are adapted. The linear head is part of the initial weights:
    it has the way of the task, and an episode of fewer classes uses its first rows.
    """

    name = "maml"
    paper = "arXiv:1703.03400"

    def skip(self, task: Task) -> str | None:
        varies = "its head has a fixed way and this task's varies" if task.n_way is None else None
        return super().skip(task) or varies

    def further_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"head": nn.Linear(feature_size, task.n_way or 5)}

    def quick(self, task: Task) -> Recipe:
        """For 1 shot whatever the test's, which is as good there and a fraction of the work."""
        recipe = {"way": task.n_way or 5, "shot": 1, "query": 5, "lr": 3e-3, "validate_every": 500}
        return recipe | {"tasks": 2, "steps": 2500, "inner": InnerLoop(1, 5, 0.4)}

    def published(self, task: Task) -> Recipe:
        """The recipe for Omniglot (appendix A.1), elsewhere that for miniImageNet."""
        way, shot = task.n_way or 5, task.n_shot or 1
        recipe = {"way": way, "shot": shot, "steps": 60_000, "lr": 1e-3, "schedule": constant}
        if not task.dataset.startswith("omniglot"):
            inner = InnerLoop(5, 10, 0.01 * way)
            return recipe | {"query": 15, "tasks": 4, "clip_value": 10.0, "inner": inner}
        if way < 20:
            return recipe | {"query": shot, "tasks": 32, "inner": InnerLoop(1, 10, 0.4 * way)}
        return recipe | {"query": shot, "tasks": 16, "inner": InnerLoop(5, 10, 0.1 * way)}

    def start(self, weights: Weights, known: Tensor, support: Support) -> Weights:
        trained = len(weights["head.bias"])
        if support.n_way > trained:
            raise MethodError(f"the head was trained for {trained} classes, not {support.n_way}")
        head = {name: weights[name][: support.n_way] for name in ("head.weight", "head.bias")}
        return weights | head


@dataclass
class FOMAML(MAML):
    """First-order MAML: the inner gradients count as constants (section 5.2)."""

    name = "fomaml"
    second_order = False

    def quick(self, task: Task) -> Recipe:
        """More inner steps than MAML's, as they cost less."""
        return super().quick(task) | {"steps": 2000, "inner": InnerLoop(3, 5, 0.2)}


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MAML)
    register(FOMAML)
