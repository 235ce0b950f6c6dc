"""Seeing what code does while it runs: pixels read, files opened, moments taken by batch norm."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules import module as torch_module

from benchbench.datasets.base import OpenDataset

_logs: list[list[Path]] = []
"""The lists that the names of opened files go to now."""
_hooked = False


class WatchedPixels:
    """Stands in for the pixels of a data set and remembers which rows were read: `read`, bool."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels
        self.read = np.zeros(len(pixels), dtype=bool)

    def __getitem__(self, key: Any) -> Any:
        self.read[key[0] if isinstance(key, tuple) else key] = True
        return self._pixels[key]

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        self.read[:] = True
        return np.asarray(self._pixels, *arguments, **options)

    def __len__(self) -> int:
        return len(self._pixels)

    def __getattr__(self, name: str) -> Any:
        if name not in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "filename"):
            self.read[:] = True
        return getattr(self._pixels, name)


@contextmanager
def reads_of(dataset: OpenDataset) -> Iterator[WatchedPixels]:
    """Which rows of the data set's pixels are read in the block, by whatever way to the object."""
    pixels = dataset.pixels
    watched = WatchedPixels(pixels)
    dataset.pixels = watched  # type: ignore[assignment]
    try:
        yield watched
    finally:
        dataset.pixels = pixels


@contextmanager
def files_opened() -> Iterator[list[Path]]:
    """The files that Python code opens in the block; those that C code opens stay unseen."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    log: list[Path] = []
    _logs.append(log)
    try:
        yield log
    finally:
        _logs[:] = [other for other in _logs if other is not log]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _logs and event == "open" and isinstance(arguments[0], (str, os.PathLike)):
        for log in _logs:
            log.append(Path(arguments[0]))


@contextmanager
def batch_moments(names: dict[int, str]) -> Iterator[list[str]]:
    """Which batch norms take their moments from the batch in the block.

    names: of modules, by `id`. One that is called as a function is listed as `F.batch_norm`.
    """
    found: list[str] = []
    current: list[nn.Module] = []
    original = F.batch_norm

    def enter(module: nn.Module, inputs: Any) -> None:
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            current[:] = [module]

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        if current and module is current[0]:
            current.clear()

    def batch_norm(  # the signature of torch.nn.functional.batch_norm
        input: Any,  # noqa: A002
        running_mean: Any,
        running_var: Any,
        weight: Any = None,
        bias: Any = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        if training:
            told = _told(current[0], names) if current else "F.batch_norm"
            if told not in found:
                found.append(told)
        return original(input, running_mean, running_var, weight, bias, training, momentum, eps)

    hooks = [
        torch_module.register_module_forward_pre_hook(enter),
        torch_module.register_module_forward_hook(leave),
    ]
    F.batch_norm = batch_norm
    try:
        yield found
    finally:
        F.batch_norm = original
        for hook in hooks:
            hook.remove()


def _told(module: nn.Module, names: dict[int, str]) -> str:
    name = names.get(id(module), type(module).__name__)
    if module.training:
        return f"{name} (in training mode)"
    if module.running_mean is None:
        return f"{name} (without running statistics)"
    return f"{name} (moments of the batch)"
