"""Feature vectors in the form of images, so that they travel wherever images do.

A vector of d float32 numbers is an image of one row, d columns and four channels: the bytes of a
number, little-endian, are the channels of its pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.system.arrays import ByteArray

BYTES = 4
"""Of a float32."""


def as_images(vectors: NDArray[Any]) -> ByteArray:
    """Vectors [n, d] of floats, as float32, in the form of images uint8 [n, 1, d, 4]."""
    numbers = np.ascontiguousarray(vectors, dtype="<f4")
    return numbers.view(np.uint8).reshape(len(numbers), 1, vectors.shape[1], BYTES)


def of_images(images: ByteArray) -> NDArray[np.float32]:
    """The vectors float32 [n, d] that are in this form: the inverse of `as_images`."""
    count, _, size, _ = images.shape
    numbers = np.ascontiguousarray(images).reshape(count, size * BYTES).view("<f4")
    return numbers.astype(np.float32, copy=False)


def are_vectors(image_shape: Sequence[int]) -> bool:
    """Whether images of this shape [h, w, c] are vectors; no picture has one row and alpha."""
    height, _, channels = image_shape
    return height == 1 and channels == BYTES
