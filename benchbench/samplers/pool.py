"""The classes and images that episodes are drawn from."""

from __future__ import annotations

from copy import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError
from benchbench.system.arrays import IntArray


class Labelled(Protocol):
    """The part of a data set that a sampler uses; `OpenDataset` explains the attributes."""

    name: str
    labels: IntArray
    splits: dict[str, IntArray]
    class_names: list[str]
    hierarchy: list[tuple[str, ...]] | None
    groups: NDArray[np.str_] | None
    nodes: dict[str, list[IntArray]] | None
    parts: NDArray[np.str_] | None

    @property
    def drawn_as(self) -> str:
        """The fingerprint by which episodes are drawn."""


class ClassPool:
    """The classes of one split and their images, as integers.

    classes: [c] class ids; rows: the split's image ids, class by class; starts, sizes: [c] the
    place at which each class begins in `rows`, and its number of images.
    """

    def __init__(self, dataset: Labelled, split: str) -> None:
        if split not in dataset.splits:
            raise BenchbenchError(
                f"{dataset.name} has no split '{split}'; it has {', '.join(dataset.splits)}."
            )
        self.dataset, self.split = dataset, split
        self.classes = dataset.splits[split]
        by_class = np.argsort(dataset.labels, kind="stable")
        bounds = np.searchsorted(dataset.labels[by_class], np.arange(len(dataset.class_names) + 1))
        self.sizes = np.diff(bounds)[self.classes]
        self.rows = np.concatenate(
            [by_class[bounds[c] : bounds[c + 1]] for c in self.classes] or [by_class[:0]]
        )
        self.starts = np.cumsum(self.sizes) - self.sizes

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def place(self) -> str:
        """The split and its data set, as messages name them."""
        return f"split '{self.split}' of {self.dataset.name}"

    def at_least(self, images: int) -> ClassPool:
        """The pool without the classes that have fewer images than this."""
        smaller = copy(self)
        kept = self.sizes >= images
        smaller.classes, smaller.sizes = self.classes[kept], self.sizes[kept]
        smaller.starts = self.starts[kept]
        return smaller

    def class_name(self, position: int) -> str:
        return self.dataset.class_names[int(self.classes[position])]

    def images(self, position: int) -> IntArray:
        """The image ids of the class at a position."""
        start = self.starts[position]
        return self.rows[start : start + self.sizes[position]]
