"""LARS (You, Gitman & Ginsburg, 2017, arXiv:1708.03888), for large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class LARS(Optimizer):
    """Momentum descent whose rate in each weight is in proportion to the weight's own size.

    A gradient g with the decay, g + weight_decay * w, is scaled by trust * |w| / (|g| +
    weight_decay * |w|); biases, and the weights of norms, have neither decay nor scale. clipped:
    whether the product of scale and rate is the rate at most, as solo-learn has it.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        trust: float = 0.001,
        clipped: bool = False,
    ) -> None:
        facts = {"weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {"lr": lr, **facts, "trust": trust, "clipped": clipped})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step by the gradients that there are."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = _scaled(parameter, parameter.grad, group)
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
                state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
                parameter.sub_(group["lr"] * state["momentum_buffer"])


def _scaled(weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
    if weight.ndim == 1:
        return gradient
    decay: float = group["weight_decay"]
    size, steepness = weight.norm(), gradient.norm()
    if size == 0 or steepness == 0:
        return gradient + decay * weight
    scale: Tensor = group["trust"] * size / (steepness + decay * size)
    if group["clipped"]:
        scale = (scale / max(group["lr"], 1e-12)).clamp(max=1)
    return (gradient + decay * weight) * scale
