"""A table that is being written; after an interruption, writing resumes.

Its folder holds `pixels.bin` and `journal.jsonl`. The journal's first line identifies what is
decoded; each other line is a class whose pixels were written whole, with the sha256 of all pixels
up to its end. What does not agree with that is cut off.

Once all classes are there, `permuted.bin` gets the same images in a secret order, and `table.json`
comes last: from then on nothing is left to do but to `seal` the table.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchbench.datasets.reading.encoded_pictures import as_encoded, contents_of
from benchbench.datasets.tables.encoded import Encoding, Thumbnails, encoding_of
from benchbench.datasets.tables.remarks import changes, losses, sameness
from benchbench.datasets.tables.secret_order import secret_places, write_in_order
from benchbench.datasets.tables.stored import StoredPixels
from benchbench.errors import BenchbenchError
from benchbench.system.files import whole_file

if TYPE_CHECKING:
    from benchbench.datasets.decoded import DecodedClass

FORMAT = 2
"""Of a table's files; it is raised when they change. Tables of another format are not read."""

PIECE = 1 << 20


@dataclass(frozen=True)
class WholeClass:
    """A class that was written. end: bytes of pixels up to its end; sha256: of all of them.

    count: its images; shape: of each, [h, w, c]. lengths, reading: of encoded pictures, the bytes
    of each and how they are decoded. The other fields are those of `DecodedClass`.
    """

    name: str
    count: int
    shape: list[int]
    parent: list[str]
    groups: list[str] | None
    unreadable: list[str]
    end: int
    sha256: str
    changes: dict[str, int] = field(default_factory=dict)
    parts: list[str] | None = None
    lengths: list[int] | None = None
    reading: dict[str, Any] | None = None


class UnfinishedTable:
    """The folder, opened to add classes.

    classes: those in it. useless: whether it can never become a table.
    """

    def __init__(self, folder: Path, name: str, identity: str) -> None:
        """identity: the hash of what is decoded; a folder of anything else is emptied first."""
        self.folder, self.name = folder, name
        self.useless = False
        self.classes: list[WholeClass] = []
        self._digest = hashlib.sha256()
        first = _line({"identity": identity})
        lines = _lines(folder)
        if lines[:1] != [first]:
            shutil.rmtree(folder, ignore_errors=True)
            lines = []
        folder.mkdir(exist_ok=True)
        self._pixels = (folder / "pixels.bin").open("a+b", buffering=0)
        self._recover(lines[1:])
        self._pixels.truncate(self._end)
        self._journal = (folder / "journal.jsonl").open("ab", buffering=0)
        self._journal.truncate(sum(map(len, lines[: 1 + len(self.classes)])))
        if not lines:
            _write(self._journal, first)

    @property
    def _end(self) -> int:
        return self.classes[-1].end if self.classes else 0

    def _recover(self, lines: list[bytes]) -> None:
        """Find the classes that are whole, and hash their pixels again."""
        self._pixels.seek(0)
        for line in lines:
            try:
                written = WholeClass(**json.loads(line))
                digest = self._digest.copy()
                for piece in self._read(written.end - self._end):
                    digest.update(piece)
            except (TypeError, ValueError):
                return
            if digest.hexdigest() != written.sha256:
                return
            self._digest = digest
            self.classes.append(written)

    def _read(self, count: int) -> Iterator[bytes]:
        while count > 0 and (piece := self._pixels.read(min(count, PIECE))):
            count -= len(piece)
            yield piece

    def add(self, item: DecodedClass) -> None:
        """Write a class; one without images leaves only the names of its unreadable files.

        Raises BenchbenchError if the size of its images differs from that of those before.
        """
        encoded = as_encoded(item.images)
        shape = list(np.shape(item.images)[1:] if encoded is None else encoded.shape[1:])
        if len(item.images) and self._shape not in (None, shape):
            self.useless = True
            raise BenchbenchError(
                f"{self.name}: class '{item.name}' has images of shape {shape}, the classes before "
                f"it of {self._shape}; a data set decodes all images to one shape."
            )
        lengths = [self._append(content) for content in contents_of(item.images)]
        written = WholeClass(
            name=item.name,
            count=len(item.images),
            shape=shape,
            parent=list(item.parent),
            groups=None if item.groups is None else [str(group) for group in item.groups],
            unreadable=list(item.unreadable),
            end=self._end + sum(lengths),
            sha256=self._digest.hexdigest(),
            changes=dict(item.changes),
            parts=None if item.parts is None else list(item.parts),
            lengths=None if encoded is None else lengths,
            reading=None if encoded is None else encoded.reading.as_json(),
        )
        _write(self._journal, _line(asdict(written)))
        self.classes.append(written)

    def _append(self, content: bytes | memoryview) -> int:
        _write(self._pixels, content)
        self._digest.update(content)
        return len(content)

    @property
    def _shape(self) -> list[int] | None:
        return next((written.shape for written in self.classes if written.count), None)

    def finish(self, remarks: Sequence[str] = ()) -> None:
        """Write what makes it a table, in files beside those that decoding resumes from.

        remarks: those of `Dataset.remark`.
        Raises BenchbenchError if there is no image.
        """
        classes = [written for written in self.classes if written.count]
        unreadable = [name for written in self.classes for name in written.unreadable]
        if not classes:
            self.useless = True
            raise BenchbenchError(f"{self.name}: no readable image was found.")
        counts = [written.count for written in classes]
        labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts)
        groups = [group for written in classes for group in written.groups or ()]
        kept = groups if len(groups) == len(labels) else []
        parts = [part for written in classes for part in written.parts or ()]
        digest = self._digest.copy()
        digest.update(labels.astype("<i8").tobytes())
        encoding = encoding_of(classes)
        digest.update(encoding.identity if encoding else json.dumps(self._shape).encode())
        header = {
            "format": FORMAT,
            "shape": [len(labels), *classes[0].shape],
            "fingerprint": digest.hexdigest(),
            "class_names": [written.name for written in classes],
            "hierarchy": [written.parent for written in classes],
            "unreadable": unreadable,
            "remarks": [*remarks, *self._remarks(classes, encoding)],
            **({"reading": encoding.reading.as_json()} if encoding else {}),
        }
        places = secret_places(len(labels), digest.hexdigest())
        arrays = {"labels": labels, "groups": np.array(kept, dtype=np.str_), "places": places}
        if len(parts) == len(labels):
            arrays["parts"] = np.array(parts, dtype=np.str_)
        np.savez_compressed(self.folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
        pixels, permuted = self.folder / "pixels.bin", self.folder / "permuted.bin"
        if encoding:
            encoding.write_in_order(pixels, permuted, places)
        else:
            write_in_order(pixels, permuted, (len(labels), *classes[0].shape), places)
        with whole_file(self.folder / "table.json") as partial:
            partial.write_text(json.dumps(header), encoding="utf-8")

    def _remarks(self, classes: Sequence[WholeClass], encoding: Encoding | None) -> list[str]:
        counts = [written.count for written in classes]
        pixels: Any = StoredPixels(self.folder / "pixels.bin", (sum(counts), *classes[0].shape))
        if encoding:
            pixels = Thumbnails(encoding.by_id(self.folder))
        changed = changes(written.changes for written in self.classes)
        lost = [each.name for each in self.classes if each.name and not each.count]
        return [*changed, *losses(lost), *sameness(pixels, counts)]

    def close(self) -> None:
        """Leave the files as they are."""
        self._pixels.close()
        self._journal.close()


def is_finished(folder: Path, identity: str) -> bool:
    """Whether the folder only needs to be sealed to be the table that this hash identifies."""
    header = _line({"identity": identity})
    return _lines(folder)[:1] == [header] and (folder / "table.json").exists()


def seal(folder: Path) -> None:
    """Replace the images of a finished table by those in the secret order, and protect its files.

    It may be repeated after an interruption.
    """
    permuted = folder / "permuted.bin"
    if permuted.exists():
        permuted.replace(folder / "pixels.bin")
    for name in ("pixels.bin", "offsets.npy", "arrays.npz", "table.json"):
        with suppress(OSError):  # Some file systems know no such rights.
            (folder / name).chmod(0o444)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _lines(folder: Path) -> list[bytes]:
    """The journal's lines, without one that was cut off."""
    try:
        lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    except OSError:
        return []
    return [line for line in lines if line.endswith(b"\n")]


def _write(file: FileIO, content: bytes | memoryview) -> None:
    """Write all of it: one call writes at most 2 GiB, or what the disk has room for."""
    rest = memoryview(content)
    while len(rest):
        rest = rest[file.write(rest) :]
