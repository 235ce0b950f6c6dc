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
from torch import Tensor, nn

from benchbench import (
    BenchbenchError,
    Classifier,
    Images,
    InnerLoopMethod,
    LabelledEpisode,
    Support,
    Task,
    TrainingSource,
    create_backbone,
    fit,
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
class Learn2LearnMAML(InnerLoopMethod):
    """The MAML of learn2learn: it clones the network, takes the steps, carries the meta-gradient.

    Trained and tested as `maml` and `fomaml` are. Its users' batch norm is `bn=transductive`.
    first_order: whether the inner gradients count as constants.
    """

    name = "learn2learn_maml"
    paper = "arXiv:1703.03400"
    first_order: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        learn2learn()

    def skip(self, task: Task) -> str | None:
        varies = "its head has a fixed way and this task's varies" if task.n_way is None else None
        return super().skip(task) or varies

    def train(self, source: TrainingSource) -> None:
        way, shot = source.task.n_way or 5, source.task.n_shot or 1
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        head = nn.Linear(self.encoder.feature_size, way)
        network = nn.ModuleDict({"encoder": self.encoder, "head": head})
        wrapper = learn2learn().algorithms.MAML
        self.maml = wrapper(network, self.inner_lr, self.first_order, allow_unused=True)
        tasks = source.budget.choose(smoke=2, quick=4, paper=32 if way < 20 else 16)
        query = source.budget.choose(smoke=5, quick=5, paper=shot)
        quick = 1000 if self.first_order else 400
        published = source.budget.name == "paper"
        fit(
            source,
            self.maml,
            self.loss,
            source.episodes(way, shot, query).grouped(tasks),
            steps=source.budget.training_steps(smoke=5, quick=quick, paper=60_000),
            lr=1e-3 if published else 3e-3,
            schedule=(lambda step: 1.0) if published else None,
            validate_every=None if published else 200,
        )

    def query_loss(self, episode: LabelledEpisode) -> Tensor:
        classify = self.adapted(self.maml.clone(), episode.support, self.inner_steps)
        logits = classify(episode.query)
        return F.cross_entropy(logits, episode.query_labels.to(logits.device))

    def adapt(self, support: Support) -> Classifier:
        with torch.no_grad():  # so that the clone is of leaves, also of a frozen network
            learner = self.maml.clone(first_order=True).requires_grad_(True)
        with torch.enable_grad():
            classify = self.adapted(learner, support, self.test_steps)
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
