"""Encoded pictures, decoded and framed as the input of a network."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from benchbench.datasets.reading.conversion import Conversion
from benchbench.datasets.reading.endings import formats
from benchbench.datasets.reading.image_files import decoded, open_image
from benchbench.datasets.reading.images import ENOUGH, as_array
from benchbench.datasets.reading.pixel_budget import BUDGET, PixelBudget
from benchbench.system.arrays import ByteArray
from benchbench.system.framing import Framing

LONG = 8
"""A picture whose sides differ by more than this factor is never resized as a whole."""


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
