"""The file `grid.jsonl` of a results folder: which cells its last grid wanted, a line for each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from benchbench.grid.cell import Cell
from benchbench.system.files import read_bytes, whole_file

NAME = "grid.jsonl"
BYTES = 2**28


@dataclass(frozen=True)
class Wanted:
    """A cell, the folder of its run within the results folder, and its number of episodes."""

    cell: Cell
    run: str
    count: int


def write_wanted(root: Path, wanted: Iterable[Wanted]) -> None:
    """Replace the file, whole or not at all; it is left as it is if nothing has changed.

    Raises OSError if it cannot be written.
    """
    lines = [{"run": one.run, "count": one.count, **asdict(one.cell)} for one in wanted]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    file = root / NAME
    with suppress(OSError):
        if file.read_bytes() == content:
            return
    root.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as partial:
        partial.write_bytes(content)


def read_wanted(root: Path) -> list[Wanted]:
    """What the last grid of the folder wanted; nothing if there was none.

    Lines of another version are left out. Raises BenchbenchError if the file cannot be read.
    """
    try:
        content = read_bytes(root / NAME, BYTES)
    except FileNotFoundError:
        return []
    found = []
    for line in content.splitlines():
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            values = json.loads(line)
            cell = Cell.from_values(values)
            found.append(Wanted(cell, str(values["run"]), int(values["count"])))
    return found


def folder_within(root: Path, path: str) -> str:
    """A run's folder, relative to the results folder."""
    return Path(os.path.relpath(path, root)).as_posix()
