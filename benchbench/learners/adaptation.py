"""Gradient descent on weights that are kept apart from their network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from benchbench.backbones.base import Backbone

Weights = dict[str, Tensor]
"""Tensors by name, instead of a network's own parameters."""


def descend(
    loss: Callable[[Weights], Tensor],
    weights: Weights,
    steps: int,
    rate: float,
    *,
    second_order: bool = False,
) -> Weights:
    """The weights after some steps of plain gradient descent on `loss`; none is changed in place.

    They are differentiable in `weights`, through the steps' gradients only if `second_order`.
    """
    # Aliases, as some weights may depend on others (a head made of prototypes, on the backbone):
    # the gradient of a step is the partial one, which does not follow that dependence.
    weights = {name: tensor.view_as(tensor) for name, tensor in weights.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(
            loss(weights), list(weights.values()), create_graph=second_order, materialize_grads=True
        )
        moved = zip(weights.items(), gradients, strict=True)
        weights = {name: tensor - rate * gradient for (name, tensor), gradient in moved}
    return weights


def embed_with(backbone: Backbone, weights: Weights, pixels: Tensor) -> Tensor:
    """`backbone.embed(pixels)` with `weights` by the parameters' names; other names are ignored."""
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
    """A context in which batch norm uses the batch's statistics and leaves its buffers unchanged.

    rows: the first so many images give the statistics for all, by default all of them.
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
