"""Training images as an augmentation changes them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchbench.augmentations import Augment
from benchbench.errors import MethodError
from benchbench.images import Images
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import Framing


def augmented(images: Images, augment: Augment, seed: int, step: int) -> Images:
    """The images after an augmentation that depends on seed and step alone.

    They are changed once, when first read, so that all handles on one of them see the same pixels.
    They belong to no data set, so that no feature of them is kept.
    """
    return Images(_Augmented(images, augment, (seed, step)), np.arange(len(images)))


class _Augmented:
    fingerprint = ""
    split = ""
    rows = None
    own_size = False

    def __init__(self, images: Images, augment: Augment, seed: tuple[int, int]) -> None:
        self._images, self._augment, self._seed = images, augment, seed
        self._pixels: ByteArray | None = None
        self.public_ids = images.ids

    def read(self, rows: IntArray) -> ByteArray:
        if self._pixels is None:
            before = self._images.array
            self._pixels = self._augment(before, np.random.default_rng(self._seed))
            if self._pixels.shape != before.shape or self._pixels.dtype != np.uint8:
                found = f"{self._pixels.dtype} {self._pixels.shape}"
                raise MethodError(f"an augmentation gives {found}, not uint8 {before.shape}")
        return self._pixels[rows]

    def pictures(self, rows: IntArray, framing: Framing) -> Iterator[ByteArray]:
        raise TypeError("augmented images have one size already")
