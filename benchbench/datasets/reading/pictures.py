"""The image files of one data set, decoded to one size, number of channels and scale of greys.

Or they are looked at in the same way and kept as they are, for pictures at their own size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from PIL import Image

from benchbench.datasets.reading.conversion import Conversion, Notes, colour_of
from benchbench.datasets.reading.deep_greys import (
    GreyRange,
    GreyScale,
    is_deep,
    range_of,
    scale_of,
)
from benchbench.datasets.reading.encoded_pictures import EncodedPictures, Reading
from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.datasets.reading.image_files import ImageFile, decoded
from benchbench.datasets.reading.images import decode_all, decode_file, is_grey, mode_for
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.datasets.reading.pixel_budget import BUDGET
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Side
from benchbench.system.arrays import ByteArray
from benchbench.system.progress import track

F = TypeVar("F", bound=ImageFile)


class DecodedFiles(NamedTuple):
    """images: uint8 [n, size, size, c], or encoded; readable: their places among the files;
    unreadable: what cannot be read, and changes: as `DecodedClass` has them.
    """

    images: ByteArray | EncodedPictures
    readable: list[int]
    unreadable: list[str]
    changes: dict[str, int]


class Pictures(Generic[F]):
    """Decodes image files, class by class, and counts what it changes in them beside their size."""

    def __init__(self, files: Sequence[F], size: Side, colour: str, background: str) -> None:
        """files: all of the data set; size: `native` keeps them encoded; colour: `auto`, `grey` or
        `rgb`; background: as `colour_of` takes it.
        """
        grey_background = len(set(colour_of(background))) == 1
        self._is_native = isinstance(size, str)
        # To see whether it can be decoded whole, one pixel of a picture is enough.
        self._files, self._size = files, 1 if isinstance(size, str) else size
        self._finding, self._counting = Lock(), Lock()
        self._changes: Counter[str] = Counter()
        mode = mode_for(colour, lambda file: is_grey(file, grey_background), files)
        self._conversion = Conversion(mode, background, lambda: self.scale)
        self.shape = (self._size, self._size, len(mode))

    def decoded(self, files: Sequence[F]) -> DecodedFiles:
        """The images of a class. Raises BenchbenchError if they have no bytes to be kept."""
        images, readable, unreadable = decode_all(self._decode, files, self.shape)
        changes, self._changes = self._changes, Counter()
        kept = self._encoded([files[place] for place in readable]) if self._is_native else images
        return DecodedFiles(kept, readable, unreadable, dict(sorted(changes.items())))

    def _encoded(self, files: Sequence[F]) -> EncodedPictures:
        """The files of a class as they are."""
        scale = vars(self).get("_found_scale")
        reading = Reading(self._conversion.mode, self._conversion.background, scale)
        return EncodedPictures([partial(content_of, file) for file in files], reading)

    def _decode(self, file: F) -> ByteArray:
        notes: Notes = set()
        budget = BUDGET if self._is_native else None
        pixels = decode_file(file, self._size, self._conversion, notes=notes, budget=budget)
        with self._counting:
            self._changes.update(notes)
        return pixels

    @property
    def scale(self) -> GreyScale:
        """The scale of deep greys. It is found when the first one is met, for few sets have any."""
        with self._finding:
            return self._found_scale

    @cached_property
    def _found_scale(self) -> GreyScale:
        ranges = track(in_parallel(_range, self._files), "looking for greys", len(self._files))
        return scale_of(filter(None, ranges))


def content_of(file: ImageFile) -> bytes:
    """The encoded bytes of a file. Raises BenchbenchError if it has none, or cannot be read."""
    read: Callable[[], bytes] | None = getattr(file, "content", None)
    if read is None:
        raise BenchbenchError(f"{file.name} is an array, which is no encoded picture; say size=N.")
    try:
        return read()
    except OSError as error:
        raise BenchbenchError(f"{file.name} cannot be read ({error}).") from error


def _range(file: ImageFile) -> GreyRange | None:
    """The range of a deep image; None for any other, and for one that cannot be read."""
    try:
        image = file.header()
        return _decoded_range(image) if is_deep(image) else None
    except UnreadableImageError:
        return None


def _decoded_range(image: Image.Image) -> GreyRange | None:
    try:
        with decoded(image, 1) as whole:
            return range_of(whole)
    except Exception:  # Pillow raises many kinds of errors for damaged files.
        return None
