"""Adaptation by gradient descent on the support set: the inner loop of MAML and its relatives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn
from torch.func import grad, vmap

from benchbench.images import Images
from benchbench.learners.adaptation import StepRate, Weights, by_name, descend, embed_with
from benchbench.learners.classifier_recipe import ClassifierRecipe
from benchbench.learners.episodic import TASK_NORM, EpisodicMethod, Recipe
from benchbench.learners.normalisation import BatchNormBy
from benchbench.learners.rates import INNER_RATES, LearnedRates
from benchbench.learners.slots import FixedSlots
from benchbench.method import Classifier, Support, Task
from benchbench.registry.bounds import Rate, Steps
from benchbench.training.labelled import LabelledEpisode
from benchbench.training.source import TrainingSource

HEAD = ("head.weight", "head.bias")

ADAPTED_TOGETHER = 16
"""Episodes in one pass on a GPU, so that their activations fit."""


@dataclass(frozen=True)
class InnerLoop:
    """Gradient steps in training and at the test, and their rate on the mean loss."""

    steps: int
    test_steps: int
    lr: float


@dataclass
class InnerLoopMethod(EpisodicMethod):
    """A method whose `adapt` is some steps of gradient descent on the support's mean cross-entropy.

    A subclass says in `start` with which weights the inner loop begins. `second_order` is whether
    `loss` differentiates the inner gradients. Its recipes also have `inner`, the defaults.

    backbone: trained from scratch, unless it comes with weights.
    inner_steps: gradient steps in training; none is the recipe's number.
    test_steps: gradient steps at the test; none is the recipe's number.
    inner_lr: the rate of these steps, on the mean loss; none is the recipe's.
    bn: the statistics that normalise the queries: those of the `support` at the adapted weights,
        the `running` ones of training, those of the query batch itself (`transductive`), or
        TaskNorm's blend of the support's and each image's own (`task`), whose shares are learned
        across episodes and stay as they are in the inner loop.
    """

    second_order: ClassVar[bool] = True
    rates = "fixed"
    """How the inner loop gets its rates, one of `InnerRates`. A subclass that leaves this to the
    user declares a field, `rates: InnerRates = "fixed"`; learned ones begin with `inner_lr`."""
    inner: InnerLoop = field(init=False, repr=False, compare=False)
    inner_steps: Steps | None = None
    test_steps: Steps | None = None
    inner_lr: Rate | None = None
    bn: BatchNormBy = "support"

    def __post_init__(self) -> None:
        if min(self.inner_steps or 0, self.test_steps or 0) < 0:
            raise ValueError("steps cannot be negative")
        self.transductive = self.bn == "transductive"  # type: ignore[misc]

    def recipe(self, source: TrainingSource) -> Recipe:
        recipe = super().recipe(source)
        self.settle(recipe.pop("inner"))
        return recipe

    def settle(self, default: InnerLoop) -> None:
        """Set `inner`: the user's parameters, and the others as in `default`."""
        self.inner = InnerLoop(
            default.steps if self.inner_steps is None else self.inner_steps,
            default.test_steps if self.test_steps is None else self.test_steps,
            default.lr if self.inner_lr is None else self.inner_lr,
        )

    def _build(
        self, source: TrainingSource, classifier: ClassifierRecipe | None, frozen: bool
    ) -> nn.ModuleDict:
        learned = super()._build(source, classifier, frozen)
        if self.rates == "learned":
            self.network[INNER_RATES] = learned[INNER_RATES] = self.initial_rates()
        return learned

    def initial_rates(self) -> LearnedRates:
        """Rates that are all `inner.lr` for the weights; a head that `start` makes for the classes
        of an episode has those of one row, as no class comes before another."""
        row = {"head.weight": Size([1, self.encoder.feature_size]), "head.bias": Size([1])}
        shapes = row | {name: tensor.shape for name, tensor in self.weights().items()}
        return LearnedRates(shapes, self.inner.lr)

    def step_rates(self, support: Support) -> StepRate:
        """The rates of the inner loop on this support."""
        return self.inner.lr if self.rates == "fixed" else self.learned_rates(support)

    def learned_rates(self, support: Support) -> Weights:
        """Those by the names of the weights that `start` gives for this support."""
        rates: LearnedRates = self.network[INNER_RATES]  # type: ignore[assignment]
        return rates.by_name()

    def weights(self) -> Weights:
        """The meta-learned weights: the backbone's parameters, and `head.weight` and so on."""
        return {
            name.removeprefix("encoder."): tensor
            for name, tensor in self.network.named_parameters()
            if name.partition(".")[0] not in (TASK_NORM, INNER_RATES)
        }

    def start(self, weights: Weights, support_pixels: Tensor, support: Support) -> Weights:
        """The weights that the inner loop begins with: the meta-learned ones, and those of a head.

        support_pixels: the prepared images of the support.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no start(weights, support_pixels, support)"
        )

    def loss(self, episodes: list[LabelledEpisode]) -> Tensor:
        """The mean loss of a meta-batch, for `fit`."""
        return torch.stack([self.query_loss(episode) for episode in episodes]).mean()

    def query_loss(self, episode: LabelledEpisode) -> Tensor:
        """The queries' cross-entropy after adaptation."""
        support = episode.support
        support_pixels = self.encoder.prepare(support.images.array)
        weights = self.start(self.weights(), support_pixels, support)
        weights = self.descend(
            weights, support_pixels, support, self.inner.steps, second_order=self.second_order
        )
        query_pixels = self.encoder.prepare(episode.query.array)
        logits = self.query_logits(weights, support_pixels, query_pixels)
        return F.cross_entropy(logits, episode.query_labels.to(logits.device))

    def adapt(self, support: Support) -> Classifier:
        pixels = self.encoder.prepare(support.images.array)
        weights = {
            name: tensor.detach().requires_grad_() for name, tensor in self.weights().items()
        }
        with torch.enable_grad():
            weights = self.start(weights, pixels, support)
            weights = self.descend(
                weights, pixels, support, self.inner.test_steps, second_order=False
            )
        return self.classifier({name: tensor.detach() for name, tensor in weights.items()}, pixels)

    def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
        """On a GPU episodes of one shape are adapted together; a CPU is faster one by one."""
        shapes = {(len(support.images), support.n_way) for support in supports}
        if self.encoder.device.type == "cpu" or len(shapes) > 1:
            return [self.adapt(support) for support in supports]
        return self.adapt_together(supports)

    def adapt_together(self, supports: Sequence[Support]) -> list[Classifier]:
        """What `adapt` gives for each support, all of one shape, in one pass over them all."""
        pixels = torch.stack([self.encoder.prepare(s.images.array) for s in supports])
        labels = torch.stack([support.labels for support in supports]).to(pixels.device)
        initial = {name: tensor.detach() for name, tensor in self.weights().items()}

        def adapted(pixels: Tensor, labels: Tensor) -> Weights:
            support = replace(supports[0], labels=labels)
            weights = self.start(initial, pixels, support)
            rates = by_name(self.step_rates(support), weights)
            for _ in range(self.inner.test_steps):
                gradients = grad(self.support_loss)(weights, pixels, support)
                weights = {name: w - rates[name] * gradients[name] for name, w in weights.items()}
            return weights

        with torch.no_grad():
            together = vmap(adapted, chunk_size=ADAPTED_TOGETHER)(pixels, labels)
        return [
            self.classifier({name: tensor[index] for name, tensor in together.items()}, images)
            for index, images in enumerate(pixels)
        ]

    def classifier(self, weights: Weights, support_pixels: Tensor) -> Classifier:
        """A classifier with these weights, adapted to a support of these prepared images."""

        @torch.no_grad()
        def classify(images: Images) -> Tensor:
            return self.query_logits(weights, support_pixels, self.encoder.prepare(images.array))

        return classify

    def support_loss(self, weights: Weights, support_pixels: Tensor, support: Support) -> Tensor:
        """The loss that the inner loop minimises."""
        with self.batch_statistics():
            logits = self.logits(weights, support_pixels)
        return F.cross_entropy(logits, support.labels.to(logits.device))

    def descend(
        self,
        weights: Weights,
        support_pixels: Tensor,
        support: Support,
        steps: int,
        *,
        second_order: bool,
    ) -> Weights:
        return descend(
            lambda weights: self.support_loss(weights, support_pixels, support),
            weights,
            steps,
            self.step_rates(support),
            second_order=second_order,
        )

    def query_logits(
        self, weights: Weights, support_pixels: Tensor, query_pixels: Tensor
    ) -> Tensor:
        """Logits of the queries, normalised as `bn` says."""
        if self.bn not in ("support", "task"):
            with self.batch_statistics():
                return self.logits(weights, query_pixels)
        count = len(support_pixels)
        with self.moments(count):
            return self.logits(weights, torch.cat([support_pixels, query_pixels]))[count:]

    def logits(self, weights: Weights, pixels: Tensor) -> Tensor:
        features = embed_with(self.encoder, weights, pixels)
        return F.linear(features, *(weights[name] for name in HEAD)).float()

    def batch_statistics(self) -> AbstractContextManager[Any]:
        """A context in which batch norm takes a batch that is all support for what `bn` says."""
        return self.moments()


@dataclass
class FixedWayMethod(FixedSlots, InnerLoopMethod):
    """A method with a learned linear head, of which an episode of fewer classes uses first rows."""

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"head": nn.Linear(feature_size, self.slots_for(task))}

    def start(self, weights: Weights, support_pixels: Tensor, support: Support) -> Weights:
        self.must_have_slots(support, len(weights["head.bias"]))
        return weights | {name: weights[name][: support.n_way] for name in HEAD}

    def learned_rates(self, support: Support) -> Weights:
        rates = super().learned_rates(support)
        return rates | {name: rates[name][: support.n_way] for name in HEAD}
