"""Watching code while it runs: pixels read, statistics that batch norms use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import nn
from torch.nn.modules import module as torch_module

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.tables.stored import Storage
from benchbench.system.arrays import ByteArray


class WatchedPixels:
    """Replaces the pixels of a data set and records in `read`, bool [n], which rows were read."""

    def __init__(self, pixels: ByteArray) -> None:
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
        if name not in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "paths"):
            self.read[:] = True
        return getattr(self._pixels, name)


@contextmanager
def reads_of(dataset: OpenDataset) -> Iterator[WatchedPixels]:
    """Records which rows of the data set's pixels are read in the block, by any code."""
    pixels, stored = dataset.pixels, dataset.storage
    watched = WatchedPixels(pixels)
    dataset.pixels = watched
    vars(dataset)["storage"] = Storage(_WatchedStorage(watched, stored), stored.places)
    try:
        yield watched
    finally:
        dataset.pixels, vars(dataset)["storage"] = pixels, stored


class _WatchedStorage:
    """The same pixels by place; what is read is recorded by image id."""

    def __init__(self, watched: WatchedPixels, stored: Storage) -> None:
        self._watched, self._pixels = watched, stored.pixels
        self._ids = np.argsort(stored.places)

    def __getitem__(self, places: Any) -> Any:
        self._watched.read[self._ids[places]] = True
        return self._pixels[places]

    def __len__(self) -> int:
        return len(self._pixels)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pixels, name)


@contextmanager
def batch_statistics(names: dict[int, str]) -> Iterator[list[str]]:
    """Records which batch norms use statistics of the batch in the block.

    names: of modules, by `id`. A batch norm that is called as a function is `F.batch_norm`.
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
            norm = _described(current[0], names) if current else "F.batch_norm"
            if norm not in found:
                found.append(norm)
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


def _described(module: nn.Module, names: dict[int, str]) -> str:
    name = names.get(id(module), type(module).__name__)
    if module.training:
        return f"{name} (in training mode)"
    if module.running_mean is None:
        return f"{name} (without running statistics)"
    return f"{name} (statistics of the batch)"
