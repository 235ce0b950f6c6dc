"""The optimizer of a training, and the rate of each part of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import nn

from benchbench.errors import MethodError

OptimizerKind: TypeAlias = Callable[..., torch.optim.Optimizer]
"""A class of `torch.optim` or a `functools.partial` of one; it is called with the parameters, `lr`
and `weight_decay`."""


class RatedOptimizer:
    """An optimizer whose parts keep their share of the learning rate.

    rates: the factor on `lr` by the name of a module or parameter in `module`; the longest name
    that fits counts, and 1 where none does. Raises MethodError for a name that `module` lacks.
    """

    def __init__(
        self,
        kind: OptimizerKind,
        module: nn.Module,
        lr: float,
        weight_decay: float,
        rates: Mapping[str, float],
    ) -> None:
        groups = _groups(module, lr, rates)
        self.optimizer = kind(groups, lr=lr, weight_decay=weight_decay)
        self._initial: list[float] = [group["lr"] for group in groups]

    def step(self, factor: float) -> None:
        """Take a step at the initial rates times `factor`."""
        for group, initial in zip(self.optimizer.param_groups, self._initial, strict=True):
            group["lr"] = initial * factor
        self.optimizer.step()


def _groups(module: nn.Module, lr: float, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """The parameters by their factor, in the order in which the module has them."""
    members: dict[float, list[nn.Parameter]] = {}
    used = set()
    for name, parameter in module.named_parameters():
        fitting = [part for part in rates if f"{name}.".startswith(f"{part}.")]
        used |= set(fitting)
        factor = rates[max(fitting, key=len)] if fitting else 1.0
        members.setdefault(factor, []).append(parameter)
    if unknown := sorted(set(rates) - used):
        parts = ", ".join(name for name, _ in module.named_children()) or "none"
        raise MethodError(
            f"rates names '{unknown[0]}', and the network learns nothing of that name; "
            f"its parts are: {parts}"
        )
    return [{"params": found, "lr": lr * factor} for factor, found in members.items()]
