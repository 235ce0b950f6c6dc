"""Pictures as a learner sees them: the files that are meant, decoded by one rule."""

from __future__ import annotations

import glob
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from benchbench.datasets.integrity.checks import some
from benchbench.datasets.open_dataset import Pixels
from benchbench.datasets.reading.contents import contents_of
from benchbench.datasets.reading.conversion import WHITE, Conversion
from benchbench.datasets.reading.deep_greys import SIXTEEN_BITS, GreyScale
from benchbench.datasets.reading.encoded_pictures import EncodedPictures, Reading
from benchbench.datasets.reading.endings import formats
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, UnreadableImageError, shown
from benchbench.datasets.reading.image_files import ImageFile, open_image
from benchbench.datasets.reading.images import decode_all, decode_file, is_grey
from benchbench.datasets.reading.pictures import content_of
from benchbench.datasets.reading.pixel_budget import BUDGET
from benchbench.datasets.tables.encoded import HeldPictures
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Side
from benchbench.system.arrays import ByteArray
from benchbench.system.framing import OWN_SIZE
from benchbench.system.places import expanded
from benchbench.system.progress import say
from benchbench.system.texts import counted


@dataclass(frozen=True)
class PictureFile:
    """A file by itself, in no data set."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def content(self) -> bytes:
        """The encoded bytes. Raises OSError."""
        return self.path.read_bytes()

    def header(self) -> Image.Image:
        """An image that is not decoded yet. Raises UnreadableImageError."""
        try:
            return open_image(io.BytesIO(self.content()), formats())
        except Exception as error:  # Pillow raises many kinds of errors for damaged files.
            raise UnreadableImageError(self.name) from error


class Picture(NamedTuple):
    """A picture to be answered; name: as it was typed, with what it lies in."""

    name: str
    file: ImageFile


class ReadPictures(NamedTuple):
    """images: uint8 [n, size, size, c], or `HeldPictures`; readable: their places among the files
    that were read.
    """

    images: Pixels
    readable: list[int]


@dataclass(frozen=True)
class PictureReader:
    """How pictures are decoded: as `folder:` does, with one size, colour and scale of greys.

    size: pixels of a side, or `native` for pictures at their own size, whose files are read again
    when a backbone asks for them; mode: `L` or `RGB`; background: the colour under what is
    transparent; interpolation: Pillow's filter; scale: that of deep greys.
    """

    size: Side
    mode: str
    background: str = WHITE
    interpolation: str = "bilinear"
    scale: GreyScale = SIXTEEN_BITS

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        height, width = OWN_SIZE if isinstance(self.size, str) else (self.size, self.size)
        return height, width, len(self.mode)

    def read(self, files: Sequence[ImageFile], what: str) -> ReadPictures:
        """The files that can be decoded; what is changed in them beside their size is said.

        what: they are called in that line.
        """
        conversion = Conversion(self.mode, self.background, lambda: self.scale)
        # To see whether it can be decoded whole, one pixel of a picture is enough.
        side, budget = (1, BUDGET) if isinstance(self.size, str) else (self.size, None)
        notes: list[set[str]] = []

        def decode(file: ImageFile) -> ByteArray:
            changes: set[str] = set()
            pixels = decode_file(file, side, conversion, self.interpolation, changes, budget)
            if self.mode == "L" and not is_grey(file):
                changes.add("image(s) in colour, made grey as those of the benchmark are")
            notes.append(changes)
            return pixels

        images, readable, _ = decode_all(decode, files, (side, side, len(self.mode)))
        for change, count in sorted(Counter(chain.from_iterable(notes)).items()):
            say(f"{what}: {count} {change}")
        if isinstance(self.size, str):
            read = [partial(content_of, files[place]) for place in readable]
            reading = self.reading
            return ReadPictures(HeldPictures(EncodedPictures(read, reading), reading), readable)
        return ReadPictures(images, readable)

    @property
    def reading(self) -> Reading:
        """How pictures at their own size become pixels."""
        return Reading(self.mode, self.background, self.scale)

    def as_json(self) -> dict[str, Any]:
        """The fields in plain values; `from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PictureReader:
        """Raises TypeError or KeyError if the content is anything else."""
        return cls(**{**content, "scale": GreyScale(**content["scale"])})


def find_pictures(arguments: Sequence[str]) -> list[Picture]:
    """The pictures of files, folders, archives and patterns such as `new/*.jpg`, in that order.

    Raises BenchbenchError if one of them is not there, or a folder has no picture.
    """
    return [picture for text in arguments for path in _paths(text) for picture in _pictures(path)]


def _paths(text: str) -> list[Path]:
    path = expanded(text)
    if path.exists():
        return [path]
    # A pattern may be absolute, which `Path.glob` does not take.
    found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207
    if not found:
        raise BenchbenchError(f"There is no picture or folder {shown(text)}.")
    return list(map(Path, found))


def _pictures(path: Path) -> list[Picture]:
    if path.is_file() and not path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz")):
        return [Picture(shown(str(path)), PictureFile(path))]
    tree = FileTree(path)
    contents = contents_of(tree)
    for sentence in (*contents.remarks(), *contents.unread_folders()):
        say(f"{path}: {sentence}")
    if not contents.images:
        raise BenchbenchError(f"There is no picture in {path}.")
    return [Picture(shown(f"{path}/{name}"), TreeFile(tree, name)) for name in contents.images]


def say_unreadable(names: Sequence[str], what: str) -> None:
    """Say in one line how many files could not be read, and which; nothing if all could."""
    if names:
        say(f"{counted(len(names), 'picture')} cannot be read ({what}): {some(list(names))}")
