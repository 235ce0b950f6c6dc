"""Steps of an optimizer of torch on a support set."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchbench.training.schedules import Schedule, constant


def take_steps(
    loss: Callable[[], Tensor],
    optimizer: torch.optim.Optimizer,
    steps: int,
    schedule: Schedule = constant,
) -> None:
    """Move what an optimizer holds by some steps on a loss, in place; gradients are switched on.

    schedule: the factor on the optimizer's rates by step; they are in the end what they were.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    with torch.enable_grad():
        for step in range(steps):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * schedule(step)
            optimizer.zero_grad()
            loss().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def steps_of(epochs: int, count: int, batch: int) -> int:
    """The steps of so many epochs over `count` images, in batches of `batch` and a rest."""
    return epochs * -(-count // batch)
