"""One image file, opened and decoded with Pillow in memory that is bounded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import IO, Protocol

from PIL import Image

LARGE = 89_478_485
"""Pixels beyond which Pillow warns; an image of more is reduced while it is decoded."""

LARGEST = 300_000_000
"""Pixels beyond which an image is read only if its format can be decoded at a smaller scale."""

SHARED = 25_000_000
"""Pixels up to which several images are decoded at once."""

_opening, _decoding = Lock(), Lock()

# What Pillow says of damaged EXIF data is no concern of those who only want the picture.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")


class TooManyPixelsError(Exception):
    """An image is too large to be decoded; the message says how large it is."""


class ImageFile(Protocol):
    """A reference to an image of a folder, an archive or a table."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    def header(self) -> Image.Image:
        """An image that is not decoded yet. Raises UnreadableImageError."""


def open_image(content: IO[bytes], formats: tuple[str, ...] | None = None) -> Image.Image:
    """An image of which only the header is read.

    formats: those of Pillow that it may have, by default any. Raises TooManyPixelsError, or any
    error of Pillow's if it is none.
    """
    with _without_limit():
        image = Image.open(content, formats=formats)
    pixels = image.width * image.height
    if pixels > LARGEST and not _is_reducible(image):
        raise TooManyPixelsError(
            f"{pixels / 1e6:.0f} million pixels, of which at most {LARGEST / 1e6:.0f} are read"
        )
    return image


@contextmanager
def decoded(image: Image.Image, side: int) -> Iterator[Image.Image]:
    """The image with its pixels, to be used inside the block; of large ones there is one at a time.

    side: the least pixels of a side that are needed of a large image, whose format may decode it
    at a smaller scale. Raises any error of Pillow's if the file is damaged.
    """
    if is_large(image):
        image.draft(image.mode, (side, side))
    shared = image.width * image.height <= SHARED
    with nullcontext() if shared else _decoding:
        image.load()
        yield image


def is_large(image: Image.Image) -> bool:
    """Whether it is reduced while it is decoded."""
    return image.width * image.height > LARGE


def _is_reducible(image: Image.Image) -> bool:
    """Whether decoding at a smaller scale needs less memory: a progressive JPEG is kept whole."""
    return image.format in ("JPEG", "MPO") and "progressive" not in image.info


@contextmanager
def _without_limit() -> Iterator[None]:
    """Keep Pillow from warning of many pixels, and from refusing them, in its own words."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
