"""Pictures at their own size: the bytes of their files, decoded when they are needed.

In a table, `pixels.bin` then holds encoded pictures, behind each other in the secret order, and
`offsets.npy` (int64 [n + 1]) where each begins. They are decoded and framed on all cores, ahead of
their use, in memory that `reading.pixel_budget` bounds.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchbench.datasets.reading.encoded_pictures import Reading
from benchbench.datasets.reading.framed import decode_framed
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.datasets.tables.stored import PixelRows, Storage
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import OWN_SIZE, Framing, needs_one_size

if TYPE_CHECKING:
    from benchbench.datasets.tables.resumable import WholeClass

PICTURES, OFFSETS = "pixels.bin", "offsets.npy"

THUMBNAIL = Framing((84, 84), squash=True)
"""Of pictures that are looked at or compared: the square that `folder:` makes by default."""


class EncodedRows(PixelRows):
    """Encoded pictures, of the shape [n, 0, 0, c]: there is no array of them; `pictures` frames
    them.
    """

    reading: Reading

    @abstractmethod
    def content(self, place: int) -> bytes:
        """The encoded bytes of a picture."""

    def damage(self, place: int, reason: Exception) -> str:
        """The sentence on a picture that cannot be decoded."""
        return f"A picture cannot be decoded any more ({reason})."

    def rows(self, index: Any) -> ByteArray:
        raise BenchbenchError(f"{needs_one_size('A method that reads pixels')}.")

    def pictures(self, index: Any, framing: Framing) -> Iterator[ByteArray]:
        """As `PixelRows.pictures`. Raises BenchbenchError if a picture is damaged."""
        conversion = self.reading.conversion

        def decode(place: int) -> ByteArray:
            try:
                return decode_framed(lambda: self.content(place), framing, conversion)
            except Exception as error:  # Pillow raises many kinds of errors for damaged files.
                raise BenchbenchError(self.damage(place, error)) from error

        return in_parallel(decode, np.arange(len(self))[index].reshape(-1).tolist())


class EncodedPixels(EncodedRows):
    """The pictures of a table by place. It is pickled as the folder, count and reading alone."""

    def __init__(self, folder: Path, count: int, reading: Reading) -> None:
        self.folder, self.reading = folder, reading
        self.shape = (count, *OWN_SIZE, len(reading.mode))
        self.paths = (folder / PICTURES, folder / OFFSETS)

    def __reduce__(self) -> Any:
        return EncodedPixels, (self.folder, len(self), self.reading)

    @cached_property
    def _bytes(self) -> ByteArray:
        return np.asarray(np.memmap(self.folder / PICTURES, np.uint8, "r"))

    @cached_property
    def _offsets(self) -> IntArray:
        offsets = np.load(self.folder / OFFSETS, allow_pickle=False)
        if len(offsets) != len(self) + 1 or offsets[-1] != len(self._bytes):
            raise ValueError(f"{OFFSETS} does not fit {PICTURES}")
        return np.asarray(offsets)

    def mapped(self) -> EncodedPixels:
        """The same, with its files mapped now. Raises ValueError if they do not fit."""
        _ = self._offsets
        return self

    def content(self, place: int) -> bytes:
        """The encoded bytes of a picture."""
        return self._bytes[self._offsets[place] : self._offsets[place + 1]].tobytes()

    def damage(self, place: int, reason: Exception) -> str:
        return (
            f"A picture in {self.folder} cannot be decoded any more ({reason}); delete the folder "
            "and run again."
        )


class HeldPictures(EncodedRows):
    """Encoded pictures that lie in no table, by their places in a sequence."""

    paths = ()

    def __init__(self, contents: Sequence[bytes], reading: Reading) -> None:
        """contents: the encoded bytes of each; they may be read from a file when indexed."""
        self._contents, self.reading = contents, reading
        self.shape = (len(contents), *OWN_SIZE, len(reading.mode))

    def content(self, place: int) -> bytes:
        return self._contents[place]


class Thumbnails(PixelRows):
    """Pictures at their own size as squares of one size, decoded whenever they are read."""

    def __init__(self, pictures: Any, framing: Framing = THUMBNAIL) -> None:
        """pictures: by id or place, which have `pictures` and `content`."""
        self._pictures, self._framing = pictures, framing
        self.shape = (len(pictures), *framing.size, pictures.shape[3])
        self.paths = pictures.paths

    @cached_property
    def storage(self) -> Storage:
        stored: Storage = self._pictures.storage
        return Storage(Thumbnails(stored.pixels, self._framing), stored.places)

    def rows(self, index: Any) -> ByteArray:
        wanted = np.arange(len(self))[index]
        found = np.empty((wanted.size, *self.shape[1:]), np.uint8)
        for place, image in enumerate(self._pictures.pictures(wanted.reshape(-1), self._framing)):
            found[place] = image
        return found.reshape(*wanted.shape, *self.shape[1:])

    def digests(self, start: int, stop: int) -> list[bytes]:
        """The sha256 of the encoded bytes of each of these pictures."""
        numbers = range(start, min(stop, len(self)))
        return [hashlib.sha256(self._pictures.content(number)).digest() for number in numbers]


@dataclass(frozen=True)
class Encoding:
    """What a table of encoded pictures is beside their bytes.

    lengths: the bytes of each, by image id. reading: how they become pixels.
    """

    lengths: list[int]
    reading: Reading

    @property
    def identity(self) -> bytes:
        """What a fingerprint goes over beside the bytes of the pictures and their labels."""
        facts = json.dumps(self.reading.as_json(), sort_keys=True).encode()
        return np.asarray(self.lengths, "<i8").tobytes() + facts

    def by_id(self, folder: Path) -> EncodedPixels:
        """The pictures of a folder in which they lie in the order of their ids."""
        _write_offsets(folder, self.lengths)
        return EncodedPixels(folder, len(self.lengths), self.reading)

    def write_in_order(self, source: Path, target: Path, places: IntArray) -> None:
        """Write the pictures of one file to another, each at its place, and the offsets beside."""
        starts, order = np.cumsum([0, *self.lengths]).tolist(), np.argsort(places).tolist()
        contents = np.asarray(np.memmap(source, np.uint8, "r"))
        with target.open("wb") as file:
            for number in order:
                file.write(contents[starts[number] : starts[number + 1]].data)
        _write_offsets(target.parent, [self.lengths[number] for number in order])


def _write_offsets(folder: Path, lengths: Sequence[int]) -> None:
    np.save(folder / OFFSETS, np.cumsum([0, *lengths], dtype=np.int64))


def encoding_of(classes: Sequence[WholeClass]) -> Encoding | None:
    """The encoding of a table of these classes; None if they are decoded to one size."""
    lengths = [length for written in classes for length in written.lengths or ()]
    found = [Reading.from_json(each.reading) for each in classes if each.reading is not None]
    if not found:
        return None
    # The scale is found when the first deep grey is met, and is then that of all classes.
    return Encoding(lengths, next((one for one in found if one.scale is not None), found[0]))


def fingerprint_of(pictures: Any, labels: IntArray) -> str:
    """The fingerprint that pictures, addressed by id, and labels [n] should have."""
    digest, lengths = hashlib.sha256(), []
    for number in range(len(labels)):
        content = pictures.content(number)
        digest.update(content)
        lengths.append(len(content))
    digest.update(labels.astype("<i8").tobytes())
    digest.update(Encoding(lengths, pictures.storage.pixels.reading).identity)
    return digest.hexdigest()
