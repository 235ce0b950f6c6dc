"""Several commands on one grid: each takes a fixed share, or whatever nobody else is at."""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say

LOOK_SECONDS = 2.0
"""Between two looks at cells that others compute."""


def parse_shard(text: str) -> tuple[int, int]:
    """(i, n) of `i/n`. Raises BenchbenchError unless 1 <= i <= n."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise BenchbenchError(f"--shard {text[:40]} is not i/n, such as 1/4, 2/4, 3/4 or 4/4.")
    return number, count


def shard_of(cells: Sequence[Cell], number: int, count: int) -> list[Cell]:
    """The cells of one shard of several, counted from 1: the same on every machine.

    Cells that may share a training stay together, and each such group goes to the shard that has
    the fewest cells so far.
    """
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.shares or cell, []).append(cell)
    shards: list[list[Cell]] = [[] for _ in range(count)]
    for group in groups.values():
        min(shards, key=len).extend(group)
    mine = set(shards[number - 1])
    return [cell for cell in cells if cell in mine]


class Claiming(GridEngine):
    """Computes the cells that nobody else is at, by their locks, and waits for the others.

    paths: the folder of each cell's run. A cell whose process dies elsewhere becomes free. retry:
    whether cells are computed that others have failed at.
    """

    def __init__(
        self,
        engine: GridEngine,
        paths: Mapping[Cell, str],
        retry: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine, self._paths, self._retry, self._sleep = engine, paths, retry, sleep

    def described(self) -> str:
        return self._engine.described()

    @property
    def shows_cells(self) -> bool:
        return self._engine.shows_cells

    def running(self) -> int | None:
        return self._engine.running()

    def at_once(self) -> int:
        return self._engine.at_once()

    def memory_bytes(self) -> int:
        return self._engine.memory_bytes()

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        pending, waited = rotated(cells, secrets.randbelow(len(cells))), False
        while pending:
            busy = []
            for cell, outcome in self._engine.compute(pending):
                if outcome.busy:
                    busy.append(cell)
                else:
                    yield cell, outcome
            if busy and not waited:
                waited = True
                some = "cells are" if len(busy) > 1 else "of the cells is"
                say(
                    f"{len(busy)} {some} being computed by others and waited for; what becomes "
                    "free is computed here"
                )
            pending = yield from self._free(busy)

    def _free(self, busy: list[Cell]) -> Generator[tuple[Cell, Outcome], None, list[Cell]]:
        """Wait until one of the cells is free; yields those that have failed elsewhere."""
        while busy:
            free = [cell for cell in busy if not self._run(cell).is_running()]
            failed = [] if self._retry else [cell for cell in free if self._has_failed(cell)]
            for cell in failed:
                run = self._run(cell)
                yield cell, Outcome(cell.name, "failed", str(run.manifest.get("reason", "")), run)
            busy = [cell for cell in busy if cell not in failed]
            if free:
                break
            self._sleep(LOOK_SECONDS * random.uniform(0.5, 1.5))
        return busy

    def _run(self, cell: Cell) -> RunDirectory:
        return RunDirectory(Path(self._paths[cell]))

    def _has_failed(self, cell: Cell) -> bool:
        return self._run(cell).status == "failed"


def rotated(cells: Sequence[Cell], by: int) -> list[Cell]:
    """The cells from another one on, so that equal commands begin at different ones."""
    return [*cells[by:], *cells[:by]]
