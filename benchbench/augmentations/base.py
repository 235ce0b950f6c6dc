"""What an augmentation is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchbench.system.arrays import ByteArray


class Augmentation:
    """A random change of images. Subclass it, as a dataclass if it has parameters.

    A call gets pixels uint8 [n, h, w, c], which it leaves as they are, and a generator, and returns
    pixels of the same shape. What it draws, it draws for each image apart.
    """

    name: ClassVar[str]

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(pixels, rng)")


def shared_out(
    pixels: ByteArray, changed: ByteArray, share: float, rng: np.random.Generator
) -> ByteArray:
    """The changed images where a number that is drawn for each is below `share`, else the others.

    Both are uint8 [n, h, w, c]. Nothing is drawn for a share of 1.
    """
    if share == 1:
        return changed
    drawn = rng.random(len(pixels)) < share
    return np.where(drawn[:, None, None, None], changed, pixels)


def planes_of(pixels: ByteArray) -> ByteArray:
    """A copy uint8 [n, c, h, w] of pixels [n, h, w, c], whose channels NumPy handles faster."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def pixels_of(planes: NDArray[np.uint8] | NDArray[np.float32]) -> ByteArray:
    """Pixels uint8 [n, h, w, c] of planes [n, c, h, w], which are whole numbers from 0 to 255."""
    count, channels, height, width = planes.shape
    pixels = np.empty((count, height, width, channels), dtype=np.uint8)
    # One strided copy a channel is several times as fast as a copy of the transposed array.
    for channel in range(channels):
        pixels[..., channel] = planes[:, channel]
    return pixels
