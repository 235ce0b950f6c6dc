"""Images of every kind as opaque, upright pictures of 8 bits a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageColor
from PIL.Image import Transpose

from benchbench.datasets.reading.deep_greys import SIXTEEN_BITS, GreyScale, is_deep
from benchbench.datasets.reading.image_files import is_large

Colour: TypeAlias = tuple[int, int, int]

WHITE = "white"
"""The background by default."""

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
"""Pillow's modes without colour."""

ORIENTATION = 0x0112
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What undoes the turn of a camera, by the orientation in EXIF data."""

STRIP = 1 << 22  # pixels of a large image that are converted at a time

Notes: TypeAlias = set[str]
"""What was changed in an image beside its size; each stands behind a count in a sentence."""


def colour_of(name: str) -> Colour:
    """The colour of a name such as `white` or `#808080`. Raises ValueError for any other text."""
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise ValueError(
            f"background={name} is not a colour; say one such as white, black or #808080"
        ) from None
    return red, green, blue


@dataclass(frozen=True)
class Conversion:
    """How images become `L` or `RGB` (mode).

    background: the colour under what is transparent; its name is for messages. scale: that of deep
    greys, found when it is needed.
    """

    mode: str
    background: str = WHITE
    scale: Callable[[], GreyScale] = field(default=lambda: SIXTEEN_BITS)

    def picture(self, image: Image.Image, side: int, notes: Notes) -> Image.Image:
        """The upright picture of a decoded image, in `mode` or in `L` if it has no colour.

        A large one is reduced, to no less than `side` pixels a side if it has so many. Raises any
        error of Pillow's if the image cannot be converted.
        """
        if is_large(image):
            converted = self._reduced(image, side, notes)
        else:
            converted = self._converted(image, notes)
        turn = TURNS.get(orientation(image))
        if turn is None:
            return converted
        notes.add("image(s) turned upright as their EXIF data say")
        return converted.transpose(turn)

    def _converted(self, image: Image.Image, notes: Notes) -> Image.Image:
        image = self._opaque(self._shallow(image, notes), notes)
        mode = "L" if image.mode in GREY_MODES else self.mode
        return image.convert(mode) if image.mode != mode else image

    def _reduced(self, image: Image.Image, side: int, notes: Notes) -> Image.Image:
        """The converted image, strip by strip, by a whole factor; each pixel is a mean."""
        width, height = image.size
        factor = max(1, min(width, height) // side)
        rows = factor * max(1, STRIP // (width * factor))
        small = Image.new(self.mode, (-(-width // factor), -(-height // factor)))
        for top in range(0, height, rows):
            strip = image.crop((0, top, width, min(height, top + rows)))
            small.paste(self._converted(strip, notes).reduce(factor), (0, top // factor))
        return small

    def _shallow(self, image: Image.Image, notes: Notes) -> Image.Image:
        """A deep grey by the scale of the data set, as `L`, or `LA` if one value is transparent."""
        if not is_deep(image):
            return image
        scale = self.scale()
        notes.add(f"deep grey image(s), read on the scale of {scale.name}")
        grey = scale.grey(image)
        hidden = image.info.get("transparency")
        if isinstance(hidden, int):
            grey.putalpha(Image.fromarray((np.asarray(image) != hidden).astype(np.uint8) * 255))
        return grey

    def _opaque(self, image: Image.Image, notes: Notes) -> Image.Image:
        """The image over the background; itself if nothing of it is transparent."""
        if not image.has_transparency_data:
            return image
        colourful = _with_alpha(image)
        alpha = colourful.getchannel("A")
        if alpha.getextrema() == (255, 255):
            image.info.pop("transparency", None)
            return image
        notes.add(f"image(s) with transparency, put on {self.background}")
        flat = Image.new("RGB", image.size, colour_of(self.background))
        flat.paste(colourful, mask=alpha)
        return flat


def _with_alpha(image: Image.Image) -> Image.Image:
    """The image as `RGBA`."""
    hidden = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(hidden, tuple) and max(hidden) > 255:
        # The colour is one of 16 bits, of which Pillow has read the upper eight.
        image.info["transparency"] = tuple(value >> 8 for value in hidden)
    if image.mode == "La":
        image = image.convert("LA")
    return image.convert("RGBA") if image.mode != "RGBA" else image


def orientation(image: Image.Image) -> int:
    """The orientation in the EXIF data of a decoded image; 0 if they are absent or damaged."""
    try:
        value = image.getexif().get(ORIENTATION)
    except Exception:  # Pillow raises many kinds of errors for damaged data.
        return 0
    return value if isinstance(value, int) else 0
