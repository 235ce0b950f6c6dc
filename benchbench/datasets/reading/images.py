"""Image files decoded with Pillow into arrays of one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from benchbench.datasets.reading.conversion import GREY_MODES, Conversion, Notes
from benchbench.datasets.reading.deep_greys import is_deep
from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.datasets.reading.image_files import LARGE, ImageFile, decoded, is_large
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.datasets.reading.pixel_budget import PixelBudget
from benchbench.system.arrays import ByteArray
from benchbench.system.progress import track

T = TypeVar("T")

MODES = {"grey": "L", "rgb": "RGB"}

ENOUGH = 4
"""A large image keeps so many times the pixels of a side that it is resized to."""

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
    file: ImageFile, size: int, mode: str, interpolation: str = "bilinear"
) -> ByteArray:
    """One image as uint8 [size, size, c]. Raises UnreadableImageError if the file is unreadable.

    mode: `L` (c = 1) or `RGB` (c = 3). The image is upright as its EXIF data say, and on white.
    Raises BenchbenchError if the archive around it is damaged.
    """
    return decode_file(file, size, Conversion(mode), interpolation)


def decode_file(
    file: ImageFile,
    size: int,
    conversion: Conversion,
    interpolation: str = "bilinear",
    notes: Notes | None = None,
    budget: PixelBudget | None = None,
) -> ByteArray:
    """The same by a conversion; `notes` gets what is changed in the image beside its size.

    budget: of pixels that are decoded at the same time, beside what `decoded` allows.
    """
    notes = set() if notes is None else notes
    image, side = file.header(), ENOUGH * size
    if is_large(image):
        notes.add(f"image(s) of more than {LARGE / 1e6:.0f} million pixels, reduced while decoding")
    if is_deep(image):
        conversion.scale()  # It decodes images, and of large ones there is one at a time.
    try:
        held = budget.holding(image.width * image.height) if budget else nullcontext()
        with held, decoded(image, side) as whole:
            picture = resize(conversion.picture(whole, side, notes), size, interpolation)
        return as_array(picture.convert(conversion.mode))
    except Exception as error:  # Pillow raises many kinds of errors for damaged files.
        raise UnreadableImageError(file.name) from error


def mode_for(colour: str, is_grey: Callable[[T], bool], references: Sequence[T]) -> str:
    """The mode to decode in: `L` for `grey`, `RGB` for `rgb`, else `L` if all images are grey."""
    if colour in MODES:
        return MODES[colour]
    greys = track(in_parallel(is_grey, references), "looking for colours", len(references))
    return "L" if all(greys) else "RGB"


def is_grey(file: ImageFile, grey_background: bool = True) -> bool:
    """Whether a file has no colour; one that cannot be read has none.

    grey_background: whether what is transparent gets no colour.
    """
    try:
        image = file.header()
    except UnreadableImageError:
        return True
    coloured = image.has_transparency_data and not grey_background
    if image.mode in GREY_MODES:
        return not coloured
    try:
        with decoded(image, 1) as whole:
            return whole.mode in GREY_MODES and not coloured
    except Exception:  # Pillow raises many kinds of errors for damaged files.
        return True


def resize(image: Image.Image, size: int, interpolation: str) -> Image.Image:
    """The image at size x size pixels; one that has that size already is left untouched."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling[interpolation.upper()])


def as_array(image: Image.Image) -> ByteArray:
    """Pixels uint8 [h, w, c] of a grey (c = 1) or colour (c = 3) image."""
    array = np.asarray(image, dtype=np.uint8)
    return array[..., None] if array.ndim == 2 else array
