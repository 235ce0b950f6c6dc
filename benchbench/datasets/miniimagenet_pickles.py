"""miniImageNet in the pickles `mini-imagenet-cache-{train,val,test}.pkl`."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from benchbench.datasets.base import SPLITS
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.safe_pickle import read_pickle
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import ByteArray


class Pickles:
    """The files `mini-imagenet-cache-SPLIT.pkl`, of which one is held in memory at a time."""

    def __init__(self, tree: FileTree) -> None:
        self._tree, self.path = tree, tree.path
        self.members = {
            split: name
            for split in SPLITS
            for name in tree.names
            if PurePosixPath(name).name == f"mini-imagenet-cache-{split}.pkl"
        }
        self._classes: dict[str, set[str]] = {}
        self._held: tuple[str, ByteArray, dict[str, Any]] | None = None

    def images(self, name: str, split: str) -> ByteArray:
        """Images uint8 [n, h, w, 3] of a class, of its split's file or another. Raises KeyError."""
        for part in sorted(self.members, key=lambda part: part != split):  # some have other splits
            if name in self._classes.get(part, {name}) and name in self._load(part)[1]:
                return self._chosen(part, name)
        raise KeyError(name)

    def classes(self) -> set[str]:
        """The classes of all files that were read, which are all files after a KeyError."""
        return set().union(*self._classes.values())

    def _load(self, split: str) -> tuple[ByteArray, dict[str, Any]]:
        if self._held is None or self._held[0] != split:
            self._held = None  # before the next one is read, for each is large
            self._held = (split, *self._read(split))
            self._classes[split] = set(self._held[2])
        return self._held[1:]

    def _read(self, split: str) -> tuple[ByteArray, dict[str, Any]]:
        name = self.members[split]
        if self.path.is_dir():
            with (self.path / name).open("rb") as file:
                content = read_pickle(file, str(self.path / name))
        else:
            content = read_pickle(io.BytesIO(self._tree.read(name)), f"{self.path}/{name}")
        try:
            images, classes = content["image_data"], content["class_dict"]
        except (TypeError, KeyError, IndexError) as error:
            raise self._damaged(split) from error
        if not isinstance(classes, dict) or not _are_images(images):
            raise self._damaged(split)
        return images, classes

    def _chosen(self, split: str, name: str) -> ByteArray:
        images, classes = self._load(split)
        try:
            return images[np.asarray(classes[name], dtype=np.int64)]
        except (IndexError, ValueError, TypeError) as error:
            raise self._damaged(split) from error

    def _damaged(self, split: str) -> BenchbenchError:
        return copy_again(
            f"{self.members[split]} in {self.path} is not 'image_data' (bytes [n, h, w, 3]) "
            "and 'class_dict' (numbers of images by class)"
        )


def _are_images(value: object) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.uint8
        and value.ndim == 4
        and value.shape[3] == 3
    )
