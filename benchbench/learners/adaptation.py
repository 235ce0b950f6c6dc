"""Gradient descent on weights that are kept apart from their network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchbench.backbones.base import Backbone

Weights = dict[str, Tensor]
"""Tensors by name, instead of a network's own parameters."""

StepRate: TypeAlias = float | Tensor | Mapping[str, float | Tensor]
"""The rate of gradient descent: a number, a tensor that broadcasts, or either by weight's name."""


def descend(
    loss: Callable[[Weights], Tensor],
    weights: Weights,
    steps: int,
    rate: StepRate,
    *,
    second_order: bool = False,
) -> Weights:
    """The weights after some steps of plain gradient descent on `loss`; none is changed in place.

    They are differentiable in `weights`, through the steps' gradients only if `second_order`, and
    in the rates if these are tensors. rate: by name, it leaves weights that it does not name as
    they are. Raises ValueError if it names one that there is not.
    """
    if isinstance(rate, Mapping) and (unknown := sorted(set(rate) - set(weights))):
        raise ValueError(f"there is a rate for '{unknown[0]}', which is none of the weights")
    # Aliases, as some weights may depend on others (a head made of prototypes, on the backbone):
    # the gradient of a step is the partial one, which does not follow that dependence.
    weights = {name: tensor.view_as(tensor) for name, tensor in weights.items()}
    rates = by_name(rate, weights)
    for _ in range(steps if rates else 0):
        moving = [weights[name] for name in rates]
        gradients = torch.autograd.grad(
            loss(weights), moving, create_graph=second_order, materialize_grads=True
        )
        moved = zip(rates.items(), gradients, strict=True)
        weights = weights | {name: weights[name] - own * g for (name, own), g in moved}
    return weights


def by_name(rate: StepRate, weights: Weights) -> Mapping[str, float | Tensor]:
    """The rates by weight's name, where one rate is that of all."""
    return rate if isinstance(rate, Mapping) else dict.fromkeys(weights, rate)


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
