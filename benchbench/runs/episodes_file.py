"""The files of a run that grow by a row an episode: `episodes.csv`, `predictions.csv` and more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchbench.system.files import read_bytes, read_text, whole_file

FILE_BYTES, ROW_BYTES = 2**28, 2**16
"""The most that a file may have: in any case, and for each episode that it is known to hold."""

PREDICTION_COLUMNS = (
    "episode",
    "support",
    "support_labels",
    "query",
    "query_labels",
    "predicted",
)

BOM = b"\xef\xbb\xbf"


class EpisodesFile:
    """A header, and a row for each episode; a kill may cut the last one short."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def content(self, episodes: int = 0) -> bytes:
        """All bytes, none if there is no file. episodes: how many it holds at least."""
        try:
            return read_bytes(self.path, FILE_BYTES + ROW_BYTES * episodes)
        except FileNotFoundError:
            return b""

    def whole_rows(self, episodes: int = 0) -> tuple[int, int]:
        """How many bytes are whole lines, and how many episodes they hold."""
        content = self.content(episodes)
        length = content.rfind(b"\n") + 1
        return length, max(0, content.count(b"\n", 0, length) - 1)

    def cut(self, episodes: int = 0) -> int:
        """Remove a row that was cut short; how many are left."""
        length, rows = self.whole_rows(episodes)
        if self._size() > length:
            os.truncate(self.path, length)
        return rows

    def first_rows(self, count: int) -> bytes:
        """The header and the first `count` rows, fewer if it has fewer.

        Their lines end as they were written, whatever a copy has made of them.
        """
        lines = self.content(count).removeprefix(BOM).splitlines()[: count + 1]
        return b"".join(line + b"\n" for line in lines)

    def has_header(self) -> bool:
        return self._size() > 0

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, rows: list[str]) -> None:
        """Add all rows, or none if the disk is full."""
        length = self._size()
        try:
            with self.path.open("ab") as stream:
                stream.write(("\n".join(rows) + "\n").encode())
        except OSError:
            os.truncate(self.path, length)
            raise


def add_predictions(
    file: Path, rows: list[str], columns: Sequence[str] = PREDICTION_COLUMNS
) -> None:
    """Add rows to `predictions.csv`, or to a file of other columns beside it, whatever that holds
    of the same episodes already.
    """
    first = int(rows[0].partition(",")[0])
    kept = read_text(file, FILE_BYTES).splitlines()[1:] if file.exists() else []
    if len(kept) < first:  # of a run that is older than the file
        return
    lines = [",".join(columns), *kept[:first], *rows]
    with whole_file(file) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
