"""Images in the size of Meta-Dataset, by Pillow or by its authors' method."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchbench.datasets.reading import images as files
from benchbench.datasets.reading.images import as_array, resize
from benchbench.system.arrays import ByteArray

Interpolation: TypeAlias = Literal[files.Interpolation, "published"]
Floats: TypeAlias = NDArray[np.float32]


def prepare(image: Image.Image, size: int, interpolation: str) -> ByteArray:
    """The image as uint8 [size, size, 3], resized as `published` or by Pillow's `interpolation`."""
    image = image.convert("RGB")
    if interpolation == "published":
        return resize_as_published(as_array(image), size)
    return as_array(resize(image, size, interpolation))


def resize_as_published(image: ByteArray, size: int) -> ByteArray:
    """The image uint8 [h, w, c] as [size, size, c], resized as the authors' input pipeline does.

    It is bilinear between the four pixels around each point of a grid whose corners are those of
    the image: a large image is sampled, not averaged, in contrast to Pillow. The values are
    rounded, which the authors' pipeline does not do.
    """
    rows = _along_first_axis(image.astype(np.float32), size)
    both = _along_first_axis(rows.swapaxes(0, 1), size).swapaxes(0, 1)
    return np.rint(both).astype(np.uint8)


def _along_first_axis(image: Floats, size: int) -> Floats:
    last = len(image) - 1
    position = np.arange(size) * (last / (size - 1) if size > 1 else 0)
    low = np.minimum(position.astype(np.int64), last)
    high = np.minimum(low + 1, last)
    weight = (position - low).astype(np.float32)[:, None, None]
    return np.asarray(image[low] + (image[high] - image[low]) * weight)
