"""Image files decoded with Pillow into arrays of one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from benchbench.datasets.reading.file_tree import TreeFile, UnreadableImageError
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.system.arrays import ByteArray
from benchbench.system.progress import track

T = TypeVar("T")

GREY_MODES = ("1", "L", "LA", "I", "I;16")  # Pillow's modes without colour

MODES = {"grey": "L", "rgb": "RGB"}

Interpolation: TypeAlias = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]


def decode_all(
    decode: Callable[[T], ByteArray], references: Sequence[T], shape: tuple[int, int, int]
) -> tuple[ByteArray, list[int], list[str]]:
    """The images uint8 [n, *shape] that can be decoded, their places in `references`, and failures.

    decode: raises UnreadableImageError with the name that the failure is reported by. All images
    are decoded into one array: a class of a large data set is too big to be in memory twice.
    """
    images = np.empty((len(references), *shape), np.uint8)

    def fill(place: int) -> str:
        try:
            images[place] = decode(references[place])
        except UnreadableImageError as error:
            return str(error)
        return ""

    failures = list(in_parallel(fill, range(len(references))))
    readable = [place for place, failure in enumerate(failures) if not failure]
    images = images if len(readable) == len(references) else images[readable]
    return images, readable, list(filter(None, failures))


def decode_image(
    file: TreeFile, size: int, mode: str, interpolation: str = "bilinear"
) -> ByteArray:
    """One image as uint8 [size, size, c]. Raises UnreadableImageError if the file is unreadable.

    mode: `L` (c = 1) or `RGB` (c = 3). The camera's turn in EXIF is left alone. Raises
    BenchbenchError if the archive around it is damaged.
    """
    try:
        return as_array(resize(eight_bits(file.image()).convert(mode), size, interpolation))
    except ValueError as error:  # such as one in the colours of a printer's proof
        raise UnreadableImageError(file.name) from error


def mode_for(colour: str, is_grey: Callable[[T], bool], references: Sequence[T]) -> str:
    """The mode to decode in: `L` for `grey`, `RGB` for `rgb`, else `L` if all images are grey."""
    if colour in MODES:
        return MODES[colour]
    greys = track(in_parallel(is_grey, references), "looking for colours", len(references))
    return "L" if all(greys) else "RGB"


def is_grey(file: TreeFile) -> bool:
    """Whether a file has no colour; one that cannot be read has none."""
    try:
        return file.header().mode in GREY_MODES or file.image().mode in GREY_MODES
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
    return image.resize((size, size), Image.Resampling[interpolation.upper()])


def as_array(image: Image.Image) -> ByteArray:
    """Pixels uint8 [h, w, c] of a grey (c = 1) or colour (c = 3) image."""
    array = np.asarray(image, dtype=np.uint8)
    return array[..., None] if array.ndim == 2 else array
