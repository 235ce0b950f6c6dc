"""MAML as the library learn2learn computes it (Arnold et al., 2020, arXiv:2008.12284)."""

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
    """The library. Raises BenchbenchError where it, or what it imports, is not installed."""
    torchvision()  # which it imports as well, and which may need mending
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # gym says that nobody maintains it
            return importlib.import_module("learn2learn")
    except ImportError as error:
        raise BenchbenchError(
            f"learn2learn_maml needs learn2learn ({error}); install it with: {CURE}"
        ) from error


@dataclass
class Learn2LearnMAML(FixedWayMethod):
    """The MAML of learn2learn: it clones the network, takes the steps, carries the meta-gradient.

    Trained and tested as `maml` and `fomaml` are. Its users' batch norm is `bn=transductive`.
    first_order: whether the inner gradients count as constants.
    """

    name = "learn2learn_maml"
    paper = "arXiv:1703.03400"
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
        with torch.no_grad():  # so that the clone is of leaves, also of a frozen network
            learner = self.learner(first_order=True).requires_grad_(True)
        with torch.enable_grad():
            classify = self.adapted(learner, support, self.inner.test_steps)
        return torch.no_grad()(classify)

    def adapted(self, learner: Any, support: Support, steps: int) -> Classifier:
        """The classifier that a clone has become after so many steps."""
        known = self.encoder.prepare(support.images.array)
        labels = support.labels.to(known.device)
        for _ in range(steps):
            with self.moments():
                logits = self.logits(learner, known)[:, : support.n_way]
            learner.adapt(F.cross_entropy(logits, labels))

        def classify(images: Images) -> Tensor:
            asked = self.encoder.prepare(images.array)
            return self.query_logits(learner, known, asked)[:, : support.n_way]

        return classify

    def logits(self, weights: Any, pixels: Tensor) -> Tensor:
        """Logits of prepared images; a clone stands in the place of weights."""
        features = weights.module["encoder"].embed(pixels)
        return weights.module["head"](features).float()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Learn2LearnMAML)
