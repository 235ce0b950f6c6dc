"""Methods of the MAML kind that learn the initial weights of the head as well."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from benchbench.adaptation import Weights
from benchbench.episodic import Recipe
from benchbench.errors import MethodError
from benchbench.inner_loop import HEAD, InnerLoop, InnerLoopMethod
from benchbench.method import Support, Task
from benchbench.training import constant


@dataclass
class FixedWayMethod(InnerLoopMethod):
    """Its linear head has the way of the task; an episode of fewer classes uses the first rows.

    The recipes are those of MAML (Finn et al., ICML 2017, arXiv:1703.03400), whose code sums the
    losses of the inner loop and divides by the shot, so that `inner_lr` is its rate times the way.
    """

    expected_failures = {"class_slots": "its head has learned rows, one for each slot"}

    def skip(self, task: Task) -> str | None:
        varies = "its head has a fixed way and this task's varies" if task.n_way is None else None
        return super().skip(task) or varies

    def further_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"head": nn.Linear(feature_size, task.n_way or 5)}

    def quick(self, task: Task) -> Recipe:
        """For 1 shot whatever the test's, which is as good there and a fraction of the work."""
        recipe = {"way": task.n_way or 5, "shot": 1, "query": 5, "lr": 3e-3, "validate_every": 500}
        if self.second_order:
            return recipe | {"tasks": 2, "steps": 2500, "inner": InnerLoop(1, 5, 0.4)}
        return recipe | {"tasks": 2, "steps": 2000, "inner": InnerLoop(3, 5, 0.2)}

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
        return weights | {name: weights[name][: support.n_way] for name in HEAD}
