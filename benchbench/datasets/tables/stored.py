"""Pixels in two addresses: an image's id, as labels and episodes count, and its place on disk.

Images lie on disk in a secret order (`secret_order`). Code that runs a method nobody trusts is
given the images by place alone: neither a place nor its neighbours reveal an image's class, as ids
do, because ids are in the order of the classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.datasets.tables.secret_order import secret_places
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import Framing


class PixelRows(ABC):
    """Images that read like one array, uint8 [n, h, w, c], without being in memory.

    An index along the first axis reads the images that it names; one along several axes reads all
    of them first. What is read is a fresh array.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4
    shape: tuple[int, ...]
    paths: tuple[Path, ...]
    """The files that are read."""

    @abstractmethod
    def rows(self, index: Any) -> ByteArray:
        """The images of an index along the first axis, as a fresh array."""

    def pictures(self, index: Any, framing: Framing) -> Iterator[ByteArray]:
        """The pictures of an index, in its order, each framed as uint8 [*framing.size, c].

        Raises TypeError unless they are at their own size (`encoded`).
        """
        raise TypeError("these images have one size already")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> ByteArray:
        if isinstance(index, tuple):
            return np.asarray(self.rows(slice(None))[index])
        return self.rows(index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is False:
            raise ValueError("images on disk can only be read as a copy")
        return np.asarray(self.rows(slice(None)), dtype)


@dataclass(frozen=True)
class Storage:
    """The images of a data set as they are stored.

    pixels: uint8 [n, h, w, c] by place, and without a trace of the ids; those on disk are pickled
    as the names of their files. places: int64 [n], the place of each image id.
    """

    pixels: Any
    places: IntArray


class StoredPixels(PixelRows):
    """A file of images, addressed by place. It is pickled as its path and shape alone.

    The file is mapped at the first use. Raises OSError if it is missing, ValueError if it is too
    short.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self.shape = path, shape
        self.paths = (path,)

    def __reduce__(self) -> Any:
        return StoredPixels, (self.path, self.shape)

    @cached_property
    def _map(self) -> ByteArray:
        # A plain view, as each index of a memmap passes through Python code.
        return np.asarray(np.memmap(self.path, np.uint8, "r", shape=self.shape))

    def rows(self, index: Any) -> ByteArray:
        found = self._map[index]
        return np.asarray(found if found.flags.owndata else found.copy())

    def mapped(self) -> StoredPixels:
        """The same, with its file mapped now."""
        _ = self._map
        return self


class PermutedPixels(PixelRows):
    """Stored images, addressed by id."""

    def __init__(self, stored: Any, places: IntArray) -> None:
        """stored: by place; places: of each id, a permutation or a part of one."""
        self.storage = Storage(stored, places)
        self.shape, self.paths = (len(places), *stored.shape[1:]), paths_of(stored)

    def rows(self, index: Any) -> ByteArray:
        return np.asarray(self.storage.pixels[self.storage.places[index]])

    def pictures(self, index: Any, framing: Framing) -> Iterator[ByteArray]:
        found: Iterator[ByteArray] = self.storage.pixels.pictures(
            self.storage.places[index], framing
        )
        return found

    def content(self, number: int) -> bytes:
        """The encoded bytes of a picture that is kept at its own size."""
        found: bytes = self.storage.pixels.content(int(self.storage.places[number]))
        return found


class StackedPixels(PixelRows):
    """Tables of images of one shape behind each other."""

    def __init__(self, tables: Sequence[Any]) -> None:
        """tables: each uint8 [n, h, w, c]."""
        self._tables = tables
        self._starts = np.cumsum([0, *map(len, tables)])
        self.shape = (int(self._starts[-1]), *tables[0].shape[1:])
        self.paths = tuple(path for table in tables for path in paths_of(table))

    def __reduce__(self) -> Any:
        return StackedPixels, (self._tables,)

    @cached_property
    def storage(self) -> Storage:
        parts = [storage_of(table) for table in self._tables]
        places = [part.places + start for part, start in zip(parts, self._starts, strict=False)]
        return Storage(StackedPixels([part.pixels for part in parts]), np.concatenate(places))

    @cached_property
    def _ids(self) -> IntArray:
        return np.arange(len(self))

    def rows(self, index: Any) -> ByteArray:
        wanted = self._ids[index]
        flat = wanted.reshape(-1)
        found = np.empty((len(flat), *self.shape[1:]), np.uint8)
        owners = np.searchsorted(self._starts, flat, side="right") - 1
        for owner in np.unique(owners):
            here = owners == owner
            found[here] = self._tables[owner][flat[here] - self._starts[owner]]
        return found.reshape(*wanted.shape, *self.shape[1:])


class ColourPixels(PixelRows):
    """Grey images with three equal channels."""

    def __init__(self, grey: Any) -> None:
        """grey: uint8 [n, h, w, 1]."""
        self._grey = grey
        self.shape, self.paths = (*grey.shape[:3], 3), paths_of(grey)

    def __reduce__(self) -> Any:
        return ColourPixels, (self._grey,)

    @cached_property
    def storage(self) -> Storage:
        stored = storage_of(self._grey)
        return Storage(ColourPixels(stored.pixels), stored.places)

    def rows(self, index: Any) -> ByteArray:
        grey = np.asarray(self._grey[index])
        return np.broadcast_to(grey, (*grey.shape[:-1], 3)).copy()


def storage_of(pixels: Any) -> Storage:
    """How these images, addressed by id, are stored.

    Those of an array in memory are copied in a secret order.
    """
    known: Storage | None = getattr(pixels, "storage", None)
    if known is not None:
        return known
    places = secret_places(len(pixels))
    return Storage(np.asarray(pixels[np.argsort(places)]), places)


def paths_of(pixels: Any) -> tuple[Path, ...]:
    """The files that images are read from; none for an array in memory."""
    known: tuple[Path, ...] = getattr(pixels, "paths", ())
    return known
