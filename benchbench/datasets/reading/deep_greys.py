"""Grey images of more than 8 bits or of floating-point numbers, brought to 8 bits by one scale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

DEPTHS = (1, 2, 4, 8, 10, 12, 14, 16)
"""The bits of a grey that cameras, scanners and file formats use."""


@dataclass(frozen=True)
class GreyRange:
    """The least and the largest grey; fractions: whether a grey is no whole number."""

    low: float
    high: float
    fractions: bool = False


@dataclass(frozen=True)
class GreyScale:
    """How deep greys become 8 bits: `low` becomes black and `high` white.

    bits: the depth whose upper bits are taken, if that is all; name: of the scale, for messages.
    """

    low: float
    high: float
    bits: int | None
    name: str

    def grey(self, image: Image.Image) -> Image.Image:
        """A deep image as `L`. What is no number is black."""
        values: Any = np.asarray(image)
        if self.bits is not None and self.bits >= 8 and values.dtype.kind in "iu":
            return Image.fromarray((values >> (self.bits - 8)).clip(0, 255).astype(np.uint8))
        share = (np.nan_to_num(values.astype(np.float32), nan=self.low) - self.low) / (
            self.high - self.low
        )
        return Image.fromarray(np.rint(share.clip(0, 1) * 255).astype(np.uint8))


SIXTEEN_BITS = GreyScale(0, 65535, 16, "16 bits")


def is_deep(image: Image.Image) -> bool:
    """Whether the greys have more than 8 bits: Pillow's own conversion would clip them to white."""
    return image.mode.startswith("I") or image.mode == "F"


def range_of(image: Image.Image) -> GreyRange | None:
    """The range of a deep image; None if it has no finite number."""
    values = np.asarray(image)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
        if not values.size:
            return None
        fractions = bool((values != np.floor(values)).any())
        return GreyRange(float(values.min()), float(values.max()), fractions)
    return GreyRange(int(values.min()), int(values.max()))


def scale_of(ranges: Iterable[GreyRange]) -> GreyScale:
    """The scale of a data set by the ranges of all of its deep images.

    It is the least of `DEPTHS` that holds the largest value; with fractions and none above 1 it is
    0 to 1. With negative values, or larger ones than 16 bits hold, it is their range.
    """
    known = list(ranges)
    if not known:
        return SIXTEEN_BITS
    low = min(each.low for each in known)
    high = max(each.high for each in known)
    bits = next((bits for bits in DEPTHS if high <= 2**bits - 1), None)
    if low < 0 or bits is None:
        low = min(low, 0)
        high = max(high, low + 1)  # in case all values are one
        return GreyScale(low, high, None, f"{low:g} to {high:g}")
    if high <= 1 and any(each.fractions for each in known):
        return GreyScale(0, 1, None, "0 to 1")
    return GreyScale(0, 2**bits - 1, bits, f"{bits} bit{'s' if bits > 1 else ''}")
