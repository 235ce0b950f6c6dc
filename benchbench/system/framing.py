"""Pictures at their own size: how they are told from images of one size, and how they are framed.

A data set of `size=native` has images of the shape [0, 0, c]: no height or width is that of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NATIVE: Literal["native"] = "native"
"""The `size` of a data set that keeps pictures at their own."""

OWN_SIZE = (0, 0)
"""Height and width in the shape of its images."""


def at_own_size(image_shape: Sequence[int]) -> bool:
    """Whether images of this shape [h, w, c] are pictures at their own size."""
    return tuple(image_shape[:2]) == OWN_SIZE


def size_in_words(image_shape: Sequence[int], unit: str = "") -> str:
    """The size and colour of images of this shape [h, w, c]; unit: what follows a size."""
    height, width, channels = image_shape
    size = "at their own size" if at_own_size(image_shape) else f"{height} x {width}{unit}"
    return f"{size}, {'colour' if channels == 3 else 'grey'}"


def needs_one_size(what: str) -> str:
    """The sentence that refuses pictures at their own size, with its cure; what: its subject."""
    return (
        f"{what} needs images of one size, and this data set keeps its pictures at their own "
        "(size=native); give it size=N, such as size=84"
    )


@dataclass(frozen=True)
class Framing:
    """How a picture becomes the input of a network: resized, then cut around its centre.

    size: (height, width) of the input. crop: the share of the resized picture that is kept.
    interpolation: the name of Pillow's filter, such as `bicubic`. squash: resize height and width
    each to its own target, not by one factor.
    """

    size: tuple[int, int]
    crop: float = 1.0
    interpolation: str = "bilinear"
    squash: bool = False

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError("size must be at least 1 pixel")
        if not 0 < self.crop <= 1:
            raise ValueError("crop must be above 0 and at most 1")

    @property
    def target(self) -> tuple[int, int]:
        """The height and width that the cut is taken from, at least."""
        # Without the addend 224 / (224 / 232) would become 231.
        height, width = (int(side / self.crop + 1e-6) for side in self.size)
        return height, width

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """The height and width to which a picture is resized before it is cut.

        The longer side is cut to whole pixels, as torchvision and timm have it.
        """
        tall, wide = self.target
        if self.squash:
            return tall, wide
        if tall * width >= wide * height:  # the height decides
            return tall, max(wide, width * tall // height)
        return max(tall, height * wide // width), wide

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """The top and left pixel of the cut from a resized picture."""
        return round((height - self.size[0]) / 2), round((width - self.size[1]) / 2)
