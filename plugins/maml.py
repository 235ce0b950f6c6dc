"""MAML (Finn, Abbeel & Levine, ICML 2017, arXiv:1703.03400) and Proto-MAML (Triantafillou et al.,
Meta-Dataset, ICLR 2020, arXiv:1903.03096), each of second and of first order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    BatchMoments,
    Classifier,
    Images,
    LabelledEpisode,
    Method,
    MethodError,
    Support,
    Task,
    TrainingSource,
    Weights,
    create_backbone,
    descend,
    embed_with,
    fit,
    hookimpl,
    step_decay,
)

HEAD = ("head.weight", "head.bias")


@dataclass
class MAML(Method):
    """Learns initial weights from which a few gradient steps on the support set classify well.

    The loss of the inner loop is the mean cross-entropy of the support (section 5.2). The authors'
    code sums the losses and divides by the shot, so their rate times the way is `inner_lr`: 0.4
    for Omniglot 5-way and 0.1 for 20-way are both 2.0 here, 0.01 for miniImageNet 5-way is 0.05.
    The linear head is part of the initial weights: it has the way of the task, and an episode of
    fewer classes uses its first rows. All weights are adapted. The paper's method on Omniglot is
    `maml[inner_lr=2.0,test_steps=10,bn=transductive]`, with `inner_steps=5` for 20-way; the
    defaults suit moments of the support, which are noisier.

    backbone: trained from scratch.
    inner_steps: gradient steps in training.
    test_steps: gradient steps afterwards.
    inner_lr: their rate, on the mean loss.
    bn: whose moments normalise the queries: the `support` set's, at the adapted weights; the
        `running` ones of training; or the query batch's own, as in the paper (`transductive`).
    """

    name = "maml"
    paper = "arXiv:1703.03400"
    second_order: ClassVar[bool] = True
    backbone: str = "conv4"
    inner_steps: int = 1
    test_steps: int = 1
    inner_lr: float = 0.5
    bn: Literal["support", "running", "transductive"] = "support"

    def __post_init__(self) -> None:
        if self.inner_steps < 0 or self.test_steps < 0:
            raise ValueError("steps cannot be negative")
        self.transductive = self.bn == "transductive"

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
        tasks = source.budget.choose(smoke=2, quick=8, paper=32 if way < 20 else 16)
        query = source.budget.choose(smoke=5, quick=5, paper=shot)
        published = source.budget.name == "paper"
        fit(
            source,
            nn.ModuleDict({"encoder": self.encoder, "head": self.head}),
            self.loss,
            source.episodes(way, shot, query).grouped(tasks),
            steps=source.budget.training_steps(smoke=5, quick=600, paper=60_000),
            lr=1e-3 if published else 3e-3,
            schedule=constant if published else None,
        )

    def loss(self, episodes: list[LabelledEpisode]) -> Tensor:
        return torch.stack([self.query_loss(episode) for episode in episodes]).mean()

    def query_loss(self, episode: LabelledEpisode) -> Tensor:
        """The queries' cross-entropy after adaptation (algorithm 2, line 10)."""
        known = self.encoder.prepare(episode.support.images.array)
        asked = self.encoder.prepare(episode.query.array)
        weights = self.start(self.weights(), known, episode.support)
        weights = self.descend(
            weights, known, episode.support, self.inner_steps, second_order=self.second_order
        )
        logits = self.query_logits(weights, known, asked)
        return F.cross_entropy(logits, episode.query_labels.to(logits.device))

    def adapt(self, support: Support) -> Classifier:
        known = self.encoder.prepare(support.images.array)
        weights = {
            name: tensor.detach().requires_grad_() for name, tensor in self.weights().items()
        }
        with torch.enable_grad():
            weights = self.start(weights, known, support)
            weights = self.descend(weights, known, support, self.test_steps, second_order=False)
        weights = {name: tensor.detach() for name, tensor in weights.items()}

        @torch.no_grad()
        def classify(images: Images) -> Tensor:
            return self.query_logits(weights, known, self.encoder.prepare(images.array))

        return classify

    def weights(self) -> Weights:
        """What is meta-learned."""
        return {**dict(self.encoder.named_parameters()), **dict(self.head.named_parameters("head"))}

    def start(self, weights: Weights, known: Tensor, support: Support) -> Weights:
        """The weights that the inner loop begins with."""
        if support.n_way > self.head.out_features:
            trained = self.head.out_features
            raise MethodError(f"the head was trained for {trained} classes, not {support.n_way}")
        return weights | {name: weights[name][: support.n_way] for name in HEAD}

    def descend(
        self, weights: Weights, known: Tensor, support: Support, steps: int, *, second_order: bool
    ) -> Weights:
        labels = support.labels.to(known.device)

        def loss(weights: Weights) -> Tensor:
            with self.moments():
                return F.cross_entropy(self.logits(weights, known), labels)

        return descend(loss, weights, steps, self.inner_lr, second_order=second_order)

    def query_logits(self, weights: Weights, known: Tensor, asked: Tensor) -> Tensor:
        if self.bn != "support":
            with self.moments():
                return self.logits(weights, asked)
        with BatchMoments(len(known)):
            return self.logits(weights, torch.cat([known, asked]))[len(known) :]

    def logits(self, weights: Weights, pixels: Tensor) -> Tensor:
        features = embed_with(self.encoder, weights, pixels)
        return F.linear(features, *(weights[name] for name in HEAD)).float()

    def moments(self) -> AbstractContextManager[Any]:
        """How batch norm treats a batch that is normalised by itself, or as it always does."""
        return nullcontext() if self.bn == "running" else BatchMoments()


class FOMAML(MAML):
    """First-order MAML: the inner gradients count as constants (section 5.2)."""

    name = "fomaml"
    second_order = False


@dataclass
class ProtoMAML(MAML):
    """MAML whose head begins as the support's prototypes, so that any way will do.

    W = 2c and b = -|c|^2 (section 3 of Meta-Dataset): before the first step the softmax is that of
    a prototypical network. The outer gradient flows through the prototypes into the initial
    weights. Defaults are those that Meta-Dataset found for training on all sources, with 5 further
    steps at the test; for ImageNet alone they are 6 steps at 0.00544.

    backbone: trained from scratch.
    inner_steps: gradient steps in training.
    test_steps: gradient steps afterwards.
    inner_lr: their rate, on the mean cross-entropy of the support.
    bn: whose moments normalise the queries: the `support` set's, at the adapted weights; the
        `running` ones of training; or the query batch's own (`transductive`).
    """

    name = "proto_maml"
    paper = "arXiv:1903.03096"
    inner_steps: int = 1
    test_steps: int = 6
    inner_lr: float = 0.0199

    def skip(self, task: Task) -> str | None:
        return Method.skip(self, task)

    def train(self, source: TrainingSource) -> None:
        """The paper budget has Meta-Dataset's rates for ImageNet alone, an episode a step."""
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        published = source.budget.name == "paper"
        way = source.budget.choose(smoke=10, quick=30, paper=source.task.n_way or 20)
        shot = (source.task.n_shot or 5) if published else 1
        fit(
            source,
            self.encoder,
            self.loss,
            source.episodes(way, shot, query=10 if published else 5).grouped(1),
            steps=source.budget.training_steps(smoke=10, quick=600, paper=75_000),
            lr=3.63e-4 if published else 4e-3,
            schedule=step_decay(2500, 0.648) if published else None,
            validate_every=500 if published else None,
        )

    def weights(self) -> Weights:
        return dict(self.encoder.named_parameters())

    def start(self, weights: Weights, known: Tensor, support: Support) -> Weights:
        with self.moments():
            features = embed_with(self.encoder, weights, known).float()
        members = F.one_hot(support.labels, support.n_way).to(features)
        prototypes = members.T @ features / members.sum(0)[:, None]
        head = 2 * prototypes, -prototypes.square().sum(1)
        return weights | dict(zip(HEAD, head, strict=True))


class FOProtoMAML(ProtoMAML):
    """First-order Proto-MAML, as in Meta-Dataset; the path through the prototypes is kept."""

    name = "fo_proto_maml"
    second_order = False


def constant(step: int) -> float:
    """No schedule."""
    return 1.0


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    for cls in (MAML, FOMAML, ProtoMAML, FOProtoMAML):
        register(cls)
