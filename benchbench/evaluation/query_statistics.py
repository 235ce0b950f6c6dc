"""Whether a method's batch norms take their statistics from queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
from torch import nn

from benchbench.method import Method

UNNAMED = "F.batch_norm"


class QueryStatistics:
    """Records which batch norms use statistics of the batch while queries are classified."""

    def __init__(self) -> None:
        self._found: dict[int, None] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A block in which `torch.nn.functional.batch_norm` is watched."""
        original = F.batch_norm

        def batch_norm(
            input: Any,  # noqa: A002 (as in torch)
            running_mean: Any,
            running_var: Any,
            weight: Any = None,
            bias: Any = None,
            training: bool = False,
            *others: Any,
            **options: Any,
        ) -> Any:
            if training:
                self._found[id(weight if weight is not None else running_mean)] = None
            return original(
                input, running_mean, running_var, weight, bias, training, *others, **options
            )

        F.batch_norm = batch_norm
        try:
            yield
        finally:
            F.batch_norm = original

    def names(self, method: Method) -> list[str]:
        """The batch norms that were found, by the names of their modules if they have one."""
        names = {
            id(tensor): f"{attribute}.{name}".rstrip(".")
            for attribute, value in vars(method).items()
            if isinstance(value, nn.Module)
            for name, module in value.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            for tensor in (module.weight, module.running_mean)
            if tensor is not None
        }
        return list(dict.fromkeys(names.get(found, UNNAMED) for found in self._found))
