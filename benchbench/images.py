"""Images as methods are given them: read when they are asked for, without their classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import Framing

if TYPE_CHECKING:
    import torch


class PixelSource(Protocol):
    """Where `Images` come from: one split of a data set, or an array.

    public_ids: the identifiers that methods see, by row.
    """

    fingerprint: str
    split: str
    public_ids: IntArray

    @property
    def rows(self) -> IntArray | None:
        """The images of the split, ascending; None for an array, which belongs to no data set."""

    @property
    def own_size(self) -> bool:
        """Whether they are pictures at their own size, of which there is no array."""

    def read(self, rows: IntArray) -> ByteArray:
        """Pixels uint8 [n, h, w, c] of the given rows; a fresh array."""

    def pictures(self, rows: IntArray, framing: Framing) -> Iterator[ByteArray]:
        """The pictures of the given rows, each framed as uint8 [*framing.size, c]."""


class Images:
    """A handle on some images of one split, which are decoded when their pixels are needed.

    `len(images)` is their number, `images.array` their pixels (uint8 [n, h, w, c]), and
    `images.ids` opaque identifiers (int64 [n]): equal ids are the same image of the data set, and
    neither their order nor their size reveals an image's class. Where `images.own_size` is true,
    the data set has pictures at their own size, and `images.pictures(...)` in place of `array`.
    """

    def __init__(self, source: PixelSource, rows: IntArray) -> None:
        self._source = source
        self._rows = rows

    @classmethod
    def from_array(cls, array: ByteArray) -> Images:
        """Images of pixels that belong to no data set: uint8 [n, h, w, c]."""
        if array.ndim != 4 or array.dtype != np.uint8:
            raise ValueError(f"images are uint8 [n, h, w, c], not {array.dtype} {array.shape}")
        return cls(_ArraySource(array), np.arange(len(array)))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> IntArray:
        return self._source.public_ids[self._rows]

    @cached_property
    def array(self) -> ByteArray:
        """Raises BenchbenchError if the data set has pictures at their own size."""
        return self._source.read(self._rows)

    @property
    def own_size(self) -> bool:
        return self._source.own_size

    def pictures(
        self,
        side: int | tuple[int, int],
        crop: float = 1.0,
        interpolation: str = "bilinear",
        *,
        squash: bool = False,
        at_once: int = 32,
    ) -> Iterator[ByteArray]:
        """Blocks uint8 [n, h, w, c] of the pictures in their order, `at_once` in each but the last.

        Each is resized so that its shorter side is `side` / `crop` pixels, or with `squash` both
        sides, by a filter of Pillow; then its centre is cut out. Pictures are decoded on all cores,
        ahead of their use, in memory that is bounded. side: of a square, or (height, width). Raises
        BenchbenchError if the images have one size already, which `array` has.
        """
        if not self.own_size:
            raise BenchbenchError("these images have one size already; read images.array")
        size = (side, side) if isinstance(side, int) else side
        decoded = self._source.pictures(self._rows, Framing(size, crop, interpolation, squash))
        while block := list(islice(decoded, at_once)):
            yield np.stack(block)

    def block(self) -> tuple[PixelSource, IntArray]:
        """The source of the images and their rows in it; for benchbench itself.

        Rows are in the order of classes: a method that reads them cheats.
        """
        return self._source, self._rows


class _ArraySource:
    fingerprint = ""
    split = ""
    rows = None
    own_size = False

    def __init__(self, array: ByteArray) -> None:
        self._array = array
        self.public_ids = np.arange(len(array))

    def read(self, rows: IntArray) -> ByteArray:
        return self._array[rows]

    def pictures(self, rows: IntArray, framing: Framing) -> Iterator[ByteArray]:
        raise TypeError("an array has images of one size already")


class LabelledImages(NamedTuple):
    """Images and their class slots, an int64 tensor [n]."""

    images: Images
    labels: torch.Tensor
