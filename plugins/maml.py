"""MAML (Finn, Abbeel & Levine, ICML 2017, arXiv:1703.03400)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchbench import FixedWayMethod, InnerLoop, InnerRates, Recipe, Task, constant, hookimpl


@dataclass
class MAML(FixedWayMethod):
    """Learns initial weights from which a few gradient steps on the support set classify well.

    The loss of the inner loop is the mean cross-entropy of the support (section 5.2), and all
    weights are adapted. The authors' batch norm is `bn=transductive`; statistics of the support
    alone are noisier, which matters for the paper budget's large steps on Omniglot. The authors'
    code sums the losses of the inner loop and divides by the shot, so that `inner_lr` is its rate
    times the way: 0.4 for Omniglot 5-way, 0.1 for 20-way and 0.01 for miniImageNet 5-way become
    2.0, 2.0 and 0.05 on the mean loss, as in the paper budget.

    rates: of the inner loop, `fixed` at `inner_lr`; or `learned`, one for each element of each
        weight, with the initial weights (Meta-SGD, arXiv:1707.09835). They begin with `inner_lr`,
        the paper's with a random number from 0.005 to 0.1; the paper takes one step, which is
        `maml[rates=learned,inner_steps=1,test_steps=1]`.
    """

    name = "maml"
    paper = "arXiv:1703.03400"
    family = "optimisation-based"
    rates: InnerRates = "fixed"

    def quick(self, task: Task) -> Recipe:
        """1 shot whatever the test's, which is as accurate and a fraction of the work."""
        recipe = {"way": task.n_way or 5, "shot": 1, "query": 5, "lr": 3e-3, "validate_every": 1000}
        if self.second_order:
            return recipe | {"tasks": 2, "steps": 2500, "inner": InnerLoop(1, 5, 0.4)}
        return recipe | {"tasks": 2, "steps": 2000, "inner": InnerLoop(3, 5, 0.2)}

    def published(self, task: Task) -> Recipe:
        """The recipe for Omniglot (appendix A.1); on other data that for miniImageNet."""
        way, shot = task.n_way or 5, task.n_shot or 1
        recipe = {"way": way, "shot": shot, "steps": 60_000, "lr": 1e-3, "schedule": constant}
        if not task.dataset.startswith("omniglot"):
            inner = InnerLoop(5, 10, 0.01 * way)
            return recipe | {"query": 15, "tasks": 4, "clip_value": 10.0, "inner": inner}
        if way < 20:
            return recipe | {"query": shot, "tasks": 32, "inner": InnerLoop(1, 10, 0.4 * way)}
        return recipe | {"query": shot, "tasks": 16, "inner": InnerLoop(5, 10, 0.1 * way)}


@dataclass
class FOMAML(MAML):
    """First-order MAML: the inner gradients count as constants (section 5.2)."""

    name = "fomaml"
    second_order = False


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MAML)
    register(FOMAML)
