"""Reptile (Nichol, Achiam & Schulman, 2018, arXiv:1803.02999)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
    Support,
    Task,
    TrainingSource,
    Weights,
    hookimpl,
    linear,
)

DECAY = 0.999
EPSILON = 1e-8
QUERIES_TOGETHER = 16


class SecondMoments(nn.Module):
    """Adam's second moments by weight, and how many steps they are of, all in buffers."""

    steps: Tensor

    def __init__(self, shapes: dict[str, torch.Size]) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        for name, shape in shapes.items():
            self.register_buffer(name.replace(".", "/"), torch.zeros(shape))

    def read(self) -> Weights:
        """Copies by the weights' names, and of the steps as `steps`."""
        return {name.replace("/", "."): tensor.clone() for name, tensor in self.named_buffers()}

    def write(self, state: Weights) -> None:
        for name, tensor in self.named_buffers():
            tensor.copy_(state[name.replace("/", ".")])


def adam_step(weights: Weights, gradients: Sequence[Tensor], state: Weights, lr: float) -> Weights:
    """The weights after a step of Adam with beta1 = 0, which changes its state in place."""
    state["steps"] += 1
    moved = {}
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        moment = state[name].mul_(DECAY).addcmul_(gradient, gradient, value=1 - DECAY)
        size = (moment / (1 - DECAY ** state["steps"])).sqrt() + EPSILON
        moved[name] = weight - lr * gradient / size
    return moved


def minibatches(count: int, size: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Places of `count` images for so many steps: without replacement, order upon order."""
    generator = torch.Generator().manual_seed(seed)
    size = min(size, count)
    orders = -(-steps * size // count)
    places = torch.cat([torch.randperm(count, generator=generator) for _ in range(orders)])
    return iter(places.split(size)[:steps])


def pull(weights: Weights, ends: Sequence[Weights]) -> Tensor:
    """Half the squared distance to the mean of where the tasks ended.

    Its gradient is phi - mean phi_i, so that a step of plain gradient descent is Reptile's.
    """
    distances = [
        (tensor - torch.stack([end[name] for end in ends]).mean(0).detach()).square().sum()
        for name, tensor in weights.items()
    ]
    return torch.stack(distances).sum() / 2


@dataclass
class Reptile(FixedWayMethod):
    """Moves the initial weights towards where some steps of Adam on each task end.

    There are no queries in training: all images of a training episode are learned from, in
    minibatches. The inner Adam has beta1 = 0, and its second moments run on over all training
    tasks; a test begins with those that training ended with. `inner_lr` is its rate. The outer
    steps are plain, their rate falls linearly from 1 to 0.

    bn: the statistics that normalise a query: those of the support and this query (`each`, the
        authors' inductive protocol, which embeds the support anew for each query), of the `support`
        alone, or of all queries together
        (`transductive`, the authors' other protocol). Minibatches are normalised by their own.
    """

    name = "reptile"
    paper = "arXiv:1803.02999"
    family = "optimisation-based"
    batches: tuple[int, int] = field(init=False, repr=False, compare=False)
    bn: Literal["each", "support", "transductive"] = "each"  # type: ignore[assignment]

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        modules = super().extra_modules(feature_size, task)
        shapes = {name: tensor.shape for name, tensor in self.encoder.named_parameters()}
        shapes |= {
            f"head.{name}": tensor.shape for name, tensor in modules["head"].named_parameters()
        }
        return modules | {"moments": SecondMoments(shapes)}

    def quick(self, task: Task) -> Recipe:
        """5 tasks of 10 images a class, 5 steps of 10 each; at the test 20 on all the support."""
        recipe = {"way": task.n_way or 5, "shot": 9, "query": 1, "tasks": 5, "steps": 700}
        return recipe | {"inner": InnerLoop(5, 20, 1e-3), "batches": (10, 10**6)}

    def published(self, task: Task) -> Recipe:
        """The commands of the authors' README for Omniglot; on other data that of miniImageNet.

        Their network for Omniglot has convolutions of stride 2 in place of pooling, and that for
        miniImageNet 32 filters, `backbone=conv4[width=32]`.
        """
        way = task.n_way or 5
        recipe = {"way": way, "query": 1, "tasks": 5}
        if not task.dataset.startswith("omniglot"):
            batches = (10, 15 if (task.n_shot or 1) > 1 else 5)
            loop = {"shot": 14, "steps": 100_000, "inner": InnerLoop(8, 50, 1e-3)}
        elif way < 20:
            batches = (10, 5)
            loop = {"shot": 9, "steps": 100_000, "inner": InnerLoop(5, 50, 1e-3)}
        else:
            batches = (20, 10)
            loop = {"shot": 9, "steps": 200_000, "inner": InnerLoop(10, 50, 5e-4)}
        return recipe | loop | {"batches": batches}

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
        """Half the squared distance to the mean of the tasks' ends."""
        initial, state = self.weights(), self.moments_of_adam.read()
        ends = []
        for episode in episodes:
            pixels = self.encoder.prepare(episode.images.array)
            labels = torch.cat([episode.support.labels, episode.query_labels])
            support = episode.support
            steps, size = self.inner.steps, self.batches[0]
            places = minibatches(len(labels), size, steps, support.seed)
            ends.append(self.learned(initial, state, pixels, labels, support.n_way, places))
        self.moments_of_adam.write(state)
        return pull(initial, ends)

    def learned(
        self,
        weights: Weights,
        state: Weights,
        pixels: Tensor,
        labels: Tensor,
        n_way: int,
        batches: Iterator[Tensor],
    ) -> Weights:
        """The weights after a step on each minibatch; Adam's state is changed in place."""
        labels = labels.to(pixels.device)
        weights = {name: tensor.detach() for name, tensor in weights.items()}
        for places in batches:
            places = places.to(pixels.device)
            weights = {name: tensor.requires_grad_() for name, tensor in weights.items()}
            with torch.enable_grad():
                with BatchMoments():
                    logits = self.logits(weights, pixels[places])[:, :n_way]
                loss = F.cross_entropy(logits, labels[places])
                gradients = torch.autograd.grad(loss, list(weights.values()))
            with torch.no_grad():
                weights = adam_step(weights, gradients, state, self.inner.lr)
        return weights

    def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
        return [self.adapt(support) for support in supports]

    def adapt(self, support: Support) -> Classifier:
        self.must_have_slots(support, self.n_slots)
        pixels = self.encoder.prepare(support.images.array)
        places = minibatches(len(pixels), self.batches[1], self.inner.test_steps, support.seed)
        state = self.moments_of_adam.read()
        weights = self.learned(self.weights(), state, pixels, support.labels, support.n_way, places)

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

        def alone(pixels: Tensor) -> Tensor:
            # Twice: as one of those that give the moments, and as what they normalise, so that the
            # moments are seen to be of this query and no other.
            batch = torch.cat([support_pixels, pixels[None], pixels[None]])
            with BatchMoments(len(support_pixels) + 1):
                return self.logits(weights, batch)[-1]

        return torch.func.vmap(alone, chunk_size=QUERIES_TOGETHER)(query_pixels)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Reptile)
