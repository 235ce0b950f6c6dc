"""The file `answers.csv.gz` of a run: what was predicted for each query of each episode.

Where episodes have queries of none of their classes, it has the confidence in each answer as well.
It is a plain file while the run goes on, which a kill leaves readable, and packed when it ends.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError
from benchbench.runs.episodes_file import FILE_BYTES, EpisodesFile
from benchbench.runs.rows import rows_sha256
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.files import read_bytes, whole_file

HEADER = "episode,predicted"
WITH_CONFIDENCE = f"{HEADER},confidence"
GZIP = 16 + zlib.MAX_WBITS


class Answers:
    """The answers of one run; a row has an episode's number and the class slots of its queries.

    Its third column, if there is one, has float32 confidences of the queries and the unknown ones.
    A run that is older than the file and has got more episodes has rows of the latter alone.
    """

    def __init__(self, folder: Path) -> None:
        self._plain = EpisodesFile(folder / "answers.csv")
        self._packed = folder / "answers.csv.gz"

    @staticmethod
    def row(number: int, predicted: list[int], confidences: Sequence[float] = ()) -> str:
        sure = "," + " ".join(f"{one:.9g}" for one in confidences) if confidences else ""
        return f"{number},{' '.join(map(str, predicted))}{sure}"

    def append(self, rows: list[str]) -> None:
        """Add rows, all or none of them."""
        header = WITH_CONFIDENCE if rows[0].count(",") > 1 else HEADER
        self._plain.append(rows if self._plain.has_header() else [header, *rows])

    def keep(self, episodes: int) -> None:
        """Go on after so many episodes; rows of later ones, which a kill left, are removed."""
        content = self._content()
        if not content:
            return
        lines = [content[0], *(o for o in content[1:] if int(o.partition(b",")[0]) < episodes)]
        if lines == content and self._plain.path.exists():
            return
        with whole_file(self._plain.path) as partial:
            partial.write_bytes(b"\n".join(lines) + b"\n")

    def pack(self) -> None:
        """Compress the file, in the same bytes whenever it was interrupted before."""
        if not self._plain.path.exists():
            return
        with whole_file(self._packed) as partial:
            partial.write_bytes(gzip.compress(self._plain.path.read_bytes(), mtime=0))
        self._plain.path.unlink()

    def sha256(self) -> str | None:
        """The hash of the rows, not of how they are compressed; None if there are none."""
        content = self._content()
        return rows_sha256(b"\n".join(content) + b"\n") if content else None

    def predicted(self) -> dict[int, IntArray]:
        """The class slots by episode. Raises BenchbenchError if the file is damaged."""
        return self._column(1, np.int64)

    def confidences(self) -> dict[int, FloatArray]:
        """The confidences by episode, those that are stored. Raises BenchbenchError if damaged."""
        stored = self._column(2, np.float32)
        return {number: rounded.astype(np.float64) for number, rounded in stored.items()}

    def _column(self, place: int, dtype: type[np.generic]) -> dict[int, NDArray[Any]]:
        """The numbers in a column by episode, of the rows that have it; of any damage an error."""
        try:
            rows = [line.split(b",") for line in self._content()[1:]]
            if any(not 2 <= len(row) <= 3 for row in rows):
                raise ValueError("a row has too few or too many cells")
            return {
                int(row[0]): np.array(row[place].split(), dtype) for row in rows if place < len(row)
            }
        except (ValueError, OverflowError) as error:
            raise BenchbenchError(f"{self._packed} holds no answers ({error})") from error

    def _content(self) -> list[bytes]:
        """The whole lines, of the plain file if there is one; none if there is neither."""
        text = self._plain.content()
        if not text:
            with suppress(FileNotFoundError):
                text = self._unpacked()
        return text[: text.rfind(b"\n")].split(b"\n") if text else []

    def _unpacked(self) -> bytes:
        packed, unpacking = read_bytes(self._packed, FILE_BYTES), zlib.decompressobj(GZIP)
        try:
            text = unpacking.decompress(packed, FILE_BYTES)
        except zlib.error as error:
            raise BenchbenchError(f"{self._packed} is damaged ({error})") from error
        if not unpacking.eof:
            raise BenchbenchError(f"{self._packed} is cut short, or holds too much")
        return text
