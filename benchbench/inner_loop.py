"""Adaptation by gradient descent on the support set: the inner loop of MAML and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from benchbench.backbones.base import Backbone
from benchbench.episodic import EpisodicMethod, Recipe
from benchbench.method import Classifier, Images, Support
from benchbench.source import LabelledEpisode, TrainingSource

Weights = dict[str, Tensor]
"""Tensors by name, in the place of a network's own parameters."""


def descend(
    loss: Callable[[Weights], Tensor],
    weights: Weights,
    steps: int,
    rate: float,
    *,
    second_order: bool = False,
) -> Weights:
    """The weights after some steps of plain gradient descent on `loss`; none is changed in place.

    The result stays differentiable with respect to `weights`: through the steps' gradients where
    `second_order`, else as if these were constants.
    """
    # Aliases, as some weights may depend on others (a head made of prototypes, on the backbone):
    # the gradient of a step is the partial one, which does not follow that dependence.
    weights = {name: tensor.view_as(tensor) for name, tensor in weights.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(
            loss(weights),
            list(weights.values()),
            create_graph=second_order,
            materialize_grads=True,
        )
        moved = zip(weights.items(), gradients, strict=True)
        weights = {name: tensor - rate * gradient for (name, tensor), gradient in moved}
    return weights


def embed_with(backbone: Backbone, weights: Weights, pixels: Tensor) -> Tensor:
    """`backbone.embed(pixels)` with `weights` for its parameters, by their names in the backbone.

    Other names are ignored; the backbone itself and the feature cache are left alone.
    """
    own = {f"backbone.{name}": weights[name] for name, _ in backbone.named_parameters()}
    features: Tensor = functional_call(_Embedding(backbone), own, (pixels,))
    return features


class _Embedding(nn.Module):
    """`functional_call` calls `forward`, and a backbone's takes `Images`."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pixels: Tensor) -> Tensor:
        return self.backbone.embed(pixels)


class BatchMoments(TorchFunctionMode):
    """In this context batch norm takes its moments from the batch, and leaves its buffers alone.

    rows: from the first so many images only, so that those after them are normalised alike
    whatever else is in the batch; by default from all.
    """

    def __init__(self, rows: int | None = None) -> None:
        super().__init__()
        self.rows = rows

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is F.batch_norm:
            func = self.batch_norm
        return func(*args, **(kwargs or {}))

    def batch_norm(
        self,
        input: Tensor,  # noqa: A002
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """What stands in for `torch.nn.functional.batch_norm`."""
        if self.rows is None or self.rows == len(input):
            return F.batch_norm(input, None, None, weight, bias, training=True, eps=eps)
        channels = (1, -1) + (1,) * (input.ndim - 2)
        dims = [0, *range(2, input.ndim)]
        variance, mean = torch.var_mean(input[: self.rows], dims, correction=0)
        scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
        shift = (0 if bias is None else bias) - mean * scale
        return torch.addcmul(
            shift.view(channels).to(input.dtype), input, scale.view(channels).to(input.dtype)
        )


HEAD = ("head.weight", "head.bias")
"""The names of the linear head among the weights."""


@dataclass(frozen=True)
class InnerLoop:
    """steps: in training. test_steps: afterwards. lr: their rate, on the mean loss."""

    steps: int
    test_steps: int
    lr: float


@dataclass
class InnerLoopMethod(EpisodicMethod):
    """A method whose `adapt` is some steps of gradient descent on the support's mean cross-entropy.

    A subclass says in `start` what the inner loop begins with. `second_order` is whether `loss`
    differentiates the inner gradients. Its recipes have `inner`, an `InnerLoop`, as well; what the
    user leaves open is taken from there.

    backbone: trained from scratch, unless it comes with weights.
    inner_steps: gradient steps in training.
    test_steps: gradient steps afterwards.
    inner_lr: their rate, on the mean loss.
    bn: whose moments normalise the queries: the `support` set's, at the adapted weights; the
        `running` ones of training; or the query batch's own (`transductive`).
    """

    second_order: ClassVar[bool] = True
    inner: InnerLoop = field(init=False, repr=False, compare=False)
    inner_steps: int | None = None
    test_steps: int | None = None
    inner_lr: float | None = None
    bn: Literal["support", "running", "transductive"] = "support"

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

    def weights(self) -> Weights:
        """What is meta-learned: the backbone's parameters, and `head.weight` and so on."""
        further = nn.ModuleDict({k: m for k, m in self.network.items() if k != "encoder"})
        return {**dict(self.encoder.named_parameters()), **dict(further.named_parameters())}

    def start(self, weights: Weights, known: Tensor, support: Support) -> Weights:
        """The weights that the inner loop begins with: the meta-learned ones, and those of a head.

        known: the prepared images of the support.
        """
        raise NotImplementedError(f"{type(self).__name__} has no start(weights, known, support)")

    def loss(self, episodes: list[LabelledEpisode]) -> Tensor:
        """The mean loss of a meta-batch, for `fit`."""
        return torch.stack([self.query_loss(episode) for episode in episodes]).mean()

    def query_loss(self, episode: LabelledEpisode) -> Tensor:
        """The queries' cross-entropy after adaptation."""
        known = self.encoder.prepare(episode.support.images.array)
        asked = self.encoder.prepare(episode.query.array)
        weights = self.start(self.weights(), known, episode.support)
        weights = self.descend(
            weights, known, episode.support, self.inner.steps, second_order=self.second_order
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
            weights = self.descend(
                weights, known, support, self.inner.test_steps, second_order=False
            )
        weights = {name: tensor.detach() for name, tensor in weights.items()}

        @torch.no_grad()
        def classify(images: Images) -> Tensor:
            return self.query_logits(weights, known, self.encoder.prepare(images.array))

        return classify

    def descend(
        self, weights: Weights, known: Tensor, support: Support, steps: int, *, second_order: bool
    ) -> Weights:
        """The weights after so many steps on the support."""
        labels = support.labels.to(known.device)

        def loss(weights: Weights) -> Tensor:
            with self.moments():
                return F.cross_entropy(self.logits(weights, known), labels)

        return descend(loss, weights, steps, self.inner.lr, second_order=second_order)

    def query_logits(self, weights: Weights, known: Tensor, asked: Tensor) -> Tensor:
        """Logits of the queries, normalised as `bn` says."""
        if self.bn != "support":
            with self.moments():
                return self.logits(weights, asked)
        with BatchMoments(len(known)):
            return self.logits(weights, torch.cat([known, asked]))[len(known) :]

    def logits(self, weights: Weights, pixels: Tensor) -> Tensor:
        """Logits of prepared images."""
        features = embed_with(self.encoder, weights, pixels)
        return F.linear(features, *(weights[name] for name in HEAD)).float()

    def moments(self) -> AbstractContextManager[Any]:
        """How batch norm treats a batch that is normalised by itself, or as it always does."""
        return nullcontext() if self.bn == "running" else BatchMoments()
