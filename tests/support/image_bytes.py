"""Image files in memory."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.datasets.reading.image_files import open_image


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def grey(values: Any, dtype: Any = np.uint8) -> Image.Image:
    """A grey image of these values, [h, w], in the mode of their type."""
    return Image.fromarray(np.asarray(values, dtype))


def oriented(value: int) -> Image.Exif:
    """EXIF data with this orientation."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@dataclass(frozen=True)
class MemoryFile:
    """An image file that lies in memory."""

    content: bytes
    name: str = "picture"

    def header(self) -> Image.Image:
        try:
            return open_image(io.BytesIO(self.content))
        except Exception as error:
            raise UnreadableImageError(self.name) from error
