"""The training images that a method reads when it is restored, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchbench.datasets.open_dataset import Pixels
from benchbench.datasets.tables.stored import PixelRows
from benchbench.errors import MethodError
from benchbench.prediction.own_size import reading_of
from benchbench.prediction.trained import Trained
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import Framing


class WatchedPixels(PixelRows):
    """Images of a data set that remember which of them were read."""

    paths = ()

    def __init__(self, pixels: Any) -> None:
        self._pixels, self.shape = pixels, pixels.shape
        self._read = np.zeros(len(pixels), bool)

    @property
    def read(self) -> IntArray:
        """The ids of the images that were read, ascending."""
        return np.flatnonzero(self._read)

    def rows(self, index: Any) -> ByteArray:
        self._read[index] = True
        return np.asarray(self._pixels[index])

    def pictures(self, index: Any, framing: Framing) -> Iterator[ByteArray]:
        self._read[index] = True
        found: Iterator[ByteArray] = self._pixels.pictures(index, framing)
        return found


class KeptPixels(PixelRows):
    """Some images of a data set, by their ids in it."""

    paths = ()

    def __init__(self, total: int, ids: IntArray, images: Pixels) -> None:
        """total: of the data set; ids: ascending int64 [n], of the images uint8 [n, h, w, c] or
        `HeldPictures`.
        """
        self._ids, self._images = ids, images
        self.shape, self.reading = (total, *images.shape[1:]), reading_of(images)

    def rows(self, index: Any) -> ByteArray:
        """Raises MethodError for an image that is not kept."""
        return np.asarray(self._images[self._places(index)])

    def pictures(self, index: Any, framing: Framing) -> Iterator[ByteArray]:
        """Raises MethodError for a picture that is not kept."""
        found: Iterator[ByteArray] = self._images.pictures(self._places(index), framing)
        return found

    def content(self, number: int) -> bytes:
        """The encoded bytes of a picture. Raises MethodError if it is not kept."""
        found: bytes = self._images.content(int(self._places(number)))
        return found

    def _places(self, index: Any) -> IntArray:
        wanted = np.arange(len(self))[index]
        if not np.isin(wanted, self._ids).all():
            raise MethodError("it reads training images that it has not read before")
        return np.asarray(np.searchsorted(self._ids, wanted))


def read_while_restored(trained: Trained, pixels: Pixels) -> IntArray:
    """The ids of the training images that the method reads on its way to its weights.

    pixels: uint8 [n, h, w, c], or `HeldPictures`, of any images that it could be asked of.
    """
    learned = trained.given.learned
    watched = WatchedPixels(learned.pixels)
    given = replace(trained.given, learned=replace(learned, pixels=watched))
    replace(trained, given=given).restored(trained.created(), pixels)
    return watched.read
