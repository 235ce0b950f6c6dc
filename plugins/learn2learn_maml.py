"""MAML as the library learn2learn has it (Arnold et al., 2020, arXiv:2008.12284)."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from benchbench_plugins.maml import MAML
from torch import Tensor

from benchbench import (
    BenchbenchError,
    Classifier,
    Images,
    LabelledEpisode,
    Support,
    hookimpl,
    torchvision,
)

CURE = (
    'pip install "benchbench[learn2learn]" && pip install --no-deps --use-pep517 '
    "--config-settings=--build-option=build_ext learn2learn==0.2.0"
)


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

    It is trained and tested as `maml` and `fomaml` are, and has no learned rates. The batch norm
    that is usual in learn2learn is `bn=transductive`.

    first_order: whether the inner gradients count as constants.
    """

    name = "learn2learn_maml"
    family = "optimisation-based"
    first_order: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rates != "fixed":
            raise ValueError("its rates are fixed; `maml[rates=learned]` learns them")
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
    register(Learn2LearnMAML)
