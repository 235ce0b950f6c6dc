"""Encoded pictures decoded, framed and counted: memory is bounded by pixels, not by pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from PIL import Image

from benchbench.datasets.reading.conversion import Conversion
from benchbench.datasets.reading.endings import formats
from benchbench.datasets.reading.image_files import decoded, open_image
from benchbench.datasets.reading.images import ENOUGH, as_array
from benchbench.system.arrays import ByteArray
from benchbench.system.framing import Framing

LONG = 8
"""A picture whose sides differ by more than this factor is never resized as a whole."""


class PixelBudget:
    """The pixels that are decoded at the same time, in all threads together.

    most: so many; a picture of more is decoded alone.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._left, self._returned = most, Condition()

    @contextmanager
    def holding(self, pixels: int) -> Iterator[None]:
        """Wait until so many pixels may be decoded, and decode them in the block."""
        taken = min(pixels, self.most)
        with self._returned:
            self._returned.wait_for(lambda: self._left >= taken)
            self._left -= taken
        try:
            yield
        finally:
            with self._returned:
                self._left += taken
                self._returned.notify_all()


BUDGET = PixelBudget(50_000_000)
"""Of this process: 200 MB, as Pillow keeps a colour in four bytes."""


def decode_framed(
    read: Callable[[], bytes],
    framing: Framing,
    conversion: Conversion,
    budget: PixelBudget = BUDGET,
) -> ByteArray:
    """A picture as uint8 [*framing.size, c]; read: gives its encoded bytes.

    Raises any error of Pillow's if it cannot be decoded.
    """
    image = open_image(io.BytesIO(read()), formats())
    side = ENOUGH * max(framing.target)
    with budget.holding(image.width * image.height), decoded(image, side) as whole:
        picture = framed(conversion.picture(whole, side, set()), framing)
    return as_array(picture.convert(conversion.mode))


def framed(image: Image.Image, framing: Framing) -> Image.Image:
    """The picture, resized and cut as a framing says, by the steps of the networks' libraries.

    These resize all of it, then cut. One that is very long is resized inside the cut alone, which
    may change a value by one.
    """
    width, height = image.size
    tall, wide = framing.resized(height, width)
    top, left = framing.corner(tall, wide)
    rows, columns = framing.size
    filter_ = Image.Resampling[framing.interpolation.upper()]
    if max(tall / framing.target[0], wide / framing.target[1]) > LONG:
        across, down = width / wide, height / tall
        box = (left * across, top * down, (left + columns) * across, (top + rows) * down)
        return image.resize((columns, rows), filter_, box=box)
    if (wide, tall) != image.size:
        image = image.resize((wide, tall), filter_)
    if (wide, tall) == (columns, rows):
        return image
    return image.crop((left, top, left + columns, top + rows))
