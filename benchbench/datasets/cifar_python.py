"""The python version of CIFAR-10 and CIFAR-100: pickled dictionaries, in a folder or an archive."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.download import download
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.safe_pickle import read_pickle
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.files import can_write
from benchbench.system.places import Places

SIZE = 32


def downloaded(published: Any, places: Places) -> Path:
    """The archive of a class of torchvision, `CIFAR10` or `CIFAR100`, fetched if it is not here."""
    root = places.data_root if can_write(places.data_root) else places.cache / "data"
    return download(published.url, root / published.filename, published.tgz_md5)


@dataclass(frozen=True)
class PythonVersion:
    """The pictures of a tree's files, each of which is read once.

    folder: where the files may lie in the tree. files: their names by the part, `train` or `test`,
    that they are. key: under which they have the labels.
    """

    tree: FileTree
    folder: str
    files: Mapping[str, Sequence[str]]
    key: str

    @cached_property
    def _pictures(self) -> list[tuple[str, ByteArray, IntArray]]:
        return [
            (part, *labelled_pictures(self.tree, self.folder, file, self.key))
            for part, files in self.files.items()
            for file in files
        ]

    def of_label(self, label: int) -> tuple[ByteArray, list[str]]:
        """The pictures of a label in the order of the files, uint8 [n, 32, 32, 3]; their parts."""
        found = [(part, pixels[labels == label]) for part, pixels, labels in self._pictures]
        parts = [part for part, pixels in found for _ in pixels]
        return np.concatenate([pixels for _, pixels in found]), parts


def has_member(tree: FileTree, folder: str, file: str) -> bool:
    """Whether `file` is at the top of the tree, or in this folder of it."""
    return _member(tree, folder, file) is not None


def names_of_labels(tree: FileTree, folder: str, file: str, key: str) -> list[str]:
    """The names of the labels, in their order. Raises BenchbenchError if there are none."""
    names = _content(tree, folder, file, key)[key]
    return [name.decode("latin1") if isinstance(name, bytes) else str(name) for name in names]


def labelled_pictures(
    tree: FileTree, folder: str, file: str, key: str
) -> tuple[ByteArray, IntArray]:
    """Pixels uint8 [n, 32, 32, 3] and the labels [n] under this key of one file.

    Raises BenchbenchError if it holds anything else.
    """
    content = _content(tree, folder, file, "data")
    try:
        data, labels = np.asarray(content["data"]), np.asarray(content[key], np.int64)
        fit = data.dtype == np.uint8 and data.shape == (len(labels), 3 * SIZE * SIZE)
    except (KeyError, TypeError, ValueError):
        fit = False
    if not fit or labels.ndim != 1:
        raise copy_again(
            f"'{file}' of {tree.path} is not {3 * SIZE * SIZE} bytes and a label for each image"
        )
    return data.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1), labels


def _member(tree: FileTree, folder: str, file: str) -> str | None:
    return next((name for name in (file, f"{folder}/{file}") if name in tree.names), None)


def _content(tree: FileTree, folder: str, file: str, key: str) -> dict[str, Any]:
    """The content of a file, which must have the entry `key`."""
    member = _member(tree, folder, file)
    content = read_pickle(io.BytesIO(tree.read(member)), f"{tree.path}/{file}") if member else None
    if not isinstance(content, dict) or not isinstance(content.get(key), (list, np.ndarray)):
        raise copy_again(
            f"{tree.path} has no '{file}' with '{key}', as the python version of CIFAR has"
        )
    return content
