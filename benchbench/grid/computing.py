"""`compute_cell`: the one function that every engine calls, in whatever process it likes."""

from __future__ import annotations

from functools import cache

from benchbench.grid.bench import Bench
from benchbench.grid.cell import Cell
from benchbench.runs.outcome import Outcome


def compute_cell(cell: Cell) -> Outcome:
    """Compute a cell, or read what is stored of it, whether or not it has failed before.

    The data stay open for further cells of this process. The outcome can be pickled; its run names
    the folder, as `cell.out` does, by an absolute path or from the current folder. Raises
    BenchbenchError for a user's mistake, such as a results folder that cannot be written to.
    """
    return _bench().compute(cell)


@cache
def _bench() -> Bench:
    return Bench()
