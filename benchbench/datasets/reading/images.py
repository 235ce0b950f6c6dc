"""Reading image files from a folder or an archive alike, and decoding them with Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchbench.datasets.reading.file_tree import FileTree, UnreadableImageError
from benchbench.datasets.reading.parallel import in_parallel as in_parallel

if TYPE_CHECKING:
    pass


GREY_MODES = ("1", "L", "LA", "I", "I;16")
"""Pillow's names of the modes without colour."""

Interpolation: TypeAlias = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def decode_image(
    tree: FileTree, name: str, size: int, mode: str, interpolation: str = "bilinear"
) -> NDArray[np.uint8] | None:
    """One image as uint8 [size, size, c], or None where the file is unreadable.

    mode: `L` (c = 1) or `RGB` (c = 3). The camera's turn in EXIF is left alone. Raises
    BenchbenchError where the archive around it is damaged.
    """
    try:
        image = tree.image(name)
        return as_array(resize(eight_bits(image).convert(mode), size, interpolation))
    except (UnreadableImageError, ValueError):  # such as one in the colours of a printer's proof
        return None


def is_grey(tree: FileTree, name: str) -> bool:
    """Whether a file has no colour, as one that cannot be read has none."""
    try:
        return tree.header(name).mode in GREY_MODES or tree.image(name).mode in GREY_MODES
    except UnreadableImageError:
        return True


def eight_bits(image: Image.Image) -> Image.Image:
    """A grey of 16 bits by its upper eight: Pillow's own conversion would clip it to white."""
    if not image.mode.startswith("I"):
        return image
    upper = np.asarray(image).astype(np.int64) // 256
    return Image.fromarray(upper.clip(0, 255).astype(np.uint8))


def resize(image: Image.Image, size: int, interpolation: str) -> Image.Image:
    """The image at size x size pixels; one that has that size already is left untouched."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), RESAMPLING[interpolation])


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels uint8 [h, w, c] of a grey (c = 1) or colour (c = 3) image."""
    array = np.asarray(image, dtype=np.uint8)
    return array[..., None] if array.ndim == 2 else array
