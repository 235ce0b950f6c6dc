"""Reptile (Nichol, Achiam & Schulman, 2018, arXiv:1803.02999)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    BatchMoments,
    Classifier,
    EpisodeGroup,
    FixedWayMethod,
    Images,
    InnerLoop,
    Recipe,
    SecondMoments,
    Support,
    Task,
    TrainingSource,
    Weights,
    adam_descend,
    distance_to_mean,
    hookimpl,
    linear,
    minibatches,
    outputs_one_by_one,
)


@dataclass
class Reptile(FixedWayMethod):
    """Moves the initial weights towards where some steps of Adam on each task end.

    There are no queries in training: all images of a training episode are learned from, in
    minibatches. The inner Adam has beta1 = 0, and its second moments run on over all training
    tasks; a test begins with those that training ended with. `inner_lr` is its rate. The outer
    steps are plain, their rate falls linearly from 1 to 0.

    bn: the statistics that normalise a query: those of the support and this query (`each`, the
        authors' inductive protocol, which embeds the support anew for each query), of the `support`
        alone, or of all queries together (`transductive`, the authors' other protocol). Minibatches
        are normalised by their own.
    """

    name = "reptile"
    paper = "arXiv:1803.02999"
    family = "optimisation-based"
    batches: tuple[int, int] = field(init=False, repr=False, compare=False)
    bn: Literal["each", "support", "transductive"] = "each"  # type: ignore[assignment]

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        modules = super().extra_modules(feature_size, task)
        head = {f"head.{name}": tensor for name, tensor in modules["head"].named_parameters()}
        return modules | {"moments": SecondMoments(self.weights() | head)}

    def quick(self, task: Task) -> Recipe:
        """5 tasks of 10 images a class, 5 steps of 10 each; at the test 20 on all the support."""
        loop = {"tasks": 5, "steps": 350, "inner": InnerLoop(5, 20, 1e-3), "batches": (10, 10**6)}
        # A validation takes as long as 100 steps, as each query is embedded with the support.
        return loop | {"way": task.n_way or 5, "shot": 9, "query": 1, "validate_every": 175}

    def published(self, task: Task) -> Recipe:
        """The commands of the authors' README for Omniglot; on other data that of miniImageNet.

        Their network for Omniglot has convolutions of stride 2 in place of pooling, and that for
        miniImageNet 32 filters, `backbone=conv4[width=32]`.
        """
        way, many = task.n_way or 5, (task.n_shot or 1) > 1
        if not task.dataset.startswith("omniglot"):
            batches = 10, 15 if many else 5
            loop = {"shot": 14, "steps": 100_000, "inner": InnerLoop(8, 50, 1e-3)}
        elif way < 20:
            batches, loop = (10, 5), {"shot": 9, "steps": 100_000, "inner": InnerLoop(5, 50, 1e-3)}
        else:
            batches = (20, 10)
            loop = {"shot": 9, "steps": 200_000, "inner": InnerLoop(10, 50, 5e-4)}
        return {"way": way, "query": 1, "tasks": 5, "batches": batches} | loop

    def recipe(self, source: TrainingSource) -> Recipe:
        """With the outer loop, which is the same in all."""
        recipe = super().recipe(source)
        self.batches = recipe.pop("batches")
        outer = {"optimizer": torch.optim.SGD, "lr": 1.0, "schedule": linear(recipe["steps"])}
        return recipe | outer

    @property
    def moments_of_adam(self) -> SecondMoments:
        moments: SecondMoments = self.network["moments"]  # type: ignore[assignment]
        return moments

    def loss(self, episodes: EpisodeGroup) -> Tensor:  # type: ignore[override]
        """Half the squared distance to the mean of the tasks' ends, for plain descent."""
        initial, state, ends = self.weights(), self.moments_of_adam.read(), []
        for episode in episodes:
            support = episode.support
            pixels = self.encoder.prepare(episode.images.array)
            labels = torch.cat([support.labels, episode.query_labels])
            places = minibatches(len(labels), self.batches[0], self.inner.steps, support.seed)
            ends.append(self.learned(state, pixels, labels, support.n_way, places))
        self.moments_of_adam.write(state)
        return distance_to_mean(initial, ends)

    def learned(
        self, state: Weights, pixels: Tensor, labels: Tensor, n_way: int, batches: Iterator[Tensor]
    ) -> Weights:
        """The weights after a step on each minibatch; Adam's state is changed in place."""
        labels = labels.to(pixels.device)

        def loss(weights: Weights, places: Tensor) -> Tensor:
            places = places.to(pixels.device)
            with BatchMoments():
                logits = self.logits(weights, pixels[places])[:, :n_way]
            return F.cross_entropy(logits, labels[places])

        return adam_descend(loss, self.weights(), batches, self.inner.lr, state)

    def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
        return [self.adapt(support) for support in supports]

    def adapt(self, support: Support) -> Classifier:
        self.must_have_slots(support, self.n_slots)
        pixels = self.encoder.prepare(support.images.array)
        places = minibatches(len(pixels), self.batches[1], self.inner.test_steps, support.seed)
        state = self.moments_of_adam.read()
        weights = self.learned(state, pixels, support.labels, support.n_way, places)

        @torch.no_grad()
        def classify(images: Images) -> Tensor:
            asked = self.encoder.prepare(images.array)
            return self.query_logits(weights, pixels, asked)[:, : support.n_way]

        return classify

    def query_logits(
        self, weights: Weights, support_pixels: Tensor, query_pixels: Tensor
    ) -> Tensor:
        if self.bn != "each":
            return super().query_logits(weights, support_pixels, query_pixels)
        return outputs_one_by_one(partial(self.logits, weights), support_pixels, query_pixels)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Reptile)
