"""Reading image files from a folder or a zip archive alike, and decoding them with Pillow."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchbench.errors import BenchbenchError

T = TypeVar("T")

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class UnreadableImageError(Exception):
    """A file that is not an image; the message is its name."""


class FileTree:
    """The files below a folder or inside a zip archive, by relative name with forward slashes."""

    def __init__(self, path: Path) -> None:
        """Raises BenchbenchError where `path` is neither, or the archive is empty or damaged."""
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self.names = sorted(
                file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()
            )
            return
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise BenchbenchError(f"There is no folder or zip file {path}.") from error
        except (zipfile.BadZipFile, OSError) as error:
            raise BenchbenchError(
                f"{path} is not a folder and not a readable zip file ({error}); "
                "copy or download it again."
            ) from error
        self.names = sorted(i.filename for i in self._archive.infolist() if not i.is_dir())
        if not self.names:
            raise BenchbenchError(f"The zip file {path} is empty; copy or download it again.")

    def image_names(self) -> list[str]:
        """The files with an image's ending, hidden ones left out."""
        return [
            name
            for name in self.names
            if Path(name).suffix.lower() in IMAGE_SUFFIXES
            and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
        ]

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises FileNotFoundError where there is none, BenchbenchError where the archive is damaged.
        """
        if self._archive is None:
            return (self.path / name).read_bytes()
        try:
            return self._archive.read(name)
        except KeyError as error:
            raise FileNotFoundError(name) from error
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
            raise BenchbenchError(
                f"{self.path} is damaged at {name} ({error}); copy or download it again."
            ) from error

    def image(self, name: str) -> Image.Image:
        """A decoded image. Raises UnreadableImageError where the file is not one."""
        try:
            image = Image.open(io.BytesIO(self.read(name)))
            image.load()
        except BenchbenchError:
            raise
        except Exception as error:
            raise UnreadableImageError(name) from error
        return image


def resize(image: Image.Image, size: int, interpolation: str) -> Image.Image:
    """The image at size x size pixels; one that has that size already is left untouched."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), RESAMPLING[interpolation])


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels uint8 [h, w, c] of a grey (c = 1) or colour (c = 3) image."""
    array = np.asarray(image, dtype=np.uint8)
    return array[..., None] if array.ndim == 2 else array


def in_parallel(function: Callable[[str], T], names: Iterable[str]) -> Iterator[T]:
    """`function` of each name, in order, on all cores: Pillow decodes beside the interpreter."""
    with ThreadPoolExecutor() as pool:
        yield from pool.map(function, names, chunksize=1)
