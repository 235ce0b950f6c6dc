"""MAML (Finn, Abbeel & Levine, ICML 2017, arXiv:1703.03400), and learn2learn's implementation.

The implementation of the library learn2learn (Arnold et al., 2020, arXiv:2008.12284) has the same
recipes.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    BenchbenchError,
    Classifier,
    FixedWayMethod,
    Images,
    InnerLoop,
    LabelledEpisode,
    Recipe,
    Support,
    Task,
    constant,
    hookimpl,
    torchvision,
)

CURE = (
    'pip install "benchbench[learn2learn]" && pip install --no-deps --use-pep517 '
    "--config-settings=--build-option=build_ext learn2learn==0.2.0"
)


@dataclass
class MAML(FixedWayMethod):
    """Learns initial weights from which a few gradient steps on the support set classify well.

    The loss of the inner loop is the mean cross-entropy of the support (section 5.2), and all
    weights are adapted. The authors' batch norm is `bn=transductive`; statistics of the support
    alone are noisier, which matters for the paper budget's large steps on Omniglot. The authors'
    code sums the losses of the inner loop and divides by the shot, so that `inner_lr` is its rate
    times the way: 0.4 for Omniglot 5-way, 0.1 for 20-way and 0.01 for miniImageNet 5-way become
    2.0, 2.0 and 0.05 on the mean loss, as in the paper budget.
    """

    name = "maml"
    paper = "arXiv:1703.03400"
    family = "optimisation-based"

    def quick(self, task: Task) -> Recipe:
        """1 shot whatever the test's, which is as accurate and a fraction of the work."""
        recipe = {"way": task.n_way or 5, "shot": 1, "query": 5, "lr": 3e-3, "validate_every": 500}
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


def learn2learn() -> Any:
    """The library. Raises BenchbenchError if it, or what it imports, is not installed."""
    torchvision()  # learn2learn imports torchvision, whose import may need a repair first
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # gym warns that it is unmaintained
            return importlib.import_module("learn2learn")
    except ImportError as error:
        raise BenchbenchError(
            f"learn2learn_maml needs learn2learn ({error}); install it with: {CURE}"
        ) from error


@dataclass
class Learn2LearnMAML(MAML):
    """learn2learn's MAML: the library clones the network, takes the steps and the meta-gradient.

    It is trained and tested as `maml` and `fomaml` are. The batch norm that is usual in learn2learn
    is `bn=transductive`.

    first_order: whether the inner gradients count as constants.
    """

    name = "learn2learn_maml"
    first_order: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.second_order = not self.first_order  # type: ignore[misc]
        learn2learn()

    def learner(self, first_order: bool) -> Any:
        """A clone of the network, adapted by its `adapt(loss)`."""
        wrapper = learn2learn().algorithms.MAML
        return wrapper(self.network, self.inner.lr, first_order, allow_unused=True).clone()

    def query_loss(self, episode: LabelledEpisode) -> Tensor:
        learner = self.learner(self.first_order)
        logits = self.adapted(learner, episode.support, self.inner.steps)(episode.query)
        return F.cross_entropy(logits, episode.query_labels.to(logits.device))

    def adapt(self, support: Support) -> Classifier:
        with torch.no_grad():  # so that the clone's weights are leaves, even of a frozen network
            learner = self.learner(first_order=True).requires_grad_(True)
        with torch.enable_grad():
            classify = self.adapted(learner, support, self.inner.test_steps)
        return torch.no_grad()(classify)

    def adapted(self, learner: Any, support: Support, steps: int) -> Classifier:
        """The classifier that a clone has become after so many steps."""
        support_pixels = self.encoder.prepare(support.images.array)
        labels = support.labels.to(support_pixels.device)
        for _ in range(steps):
            with self.batch_statistics():
                logits = self.logits(learner, support_pixels)[:, : support.n_way]
            learner.adapt(F.cross_entropy(logits, labels))

        def classify(images: Images) -> Tensor:
            query_pixels = self.encoder.prepare(images.array)
            return self.query_logits(learner, support_pixels, query_pixels)[:, : support.n_way]

        return classify

    def logits(self, weights: Any, pixels: Tensor) -> Tensor:
        """Logits of prepared images; `weights` is a clone of the network."""
        features = weights.module["encoder"].embed(pixels)
        return weights.module["head"](features).float()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MAML)
    register(FOMAML)
    register(Learn2LearnMAML)
