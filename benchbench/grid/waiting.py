"""The order in which cells begin: none waits for a training that another is about to make."""

from __future__ import annotations

from collections.abc import Iterable

from benchbench.grid.cell import Cell


class Waiting:
    """Cells that have not begun, for an engine that computes several at once.

    Of those that may share a training (`Cell.shares`) one goes first, and the others as soon as it
    has ended, unless nothing else is left to do.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._cells = list(cells)
        self._begun: set[str] = set()
        self._made: set[str] = set()

    def __len__(self) -> int:
        return len(self._cells)

    def take(self) -> Cell | None:
        """The cell to begin with now; None if none is left."""
        if not self._cells:
            return None
        free = (cell for cell in self._cells if cell.shares not in self._begun - self._made)
        cell = next(free, self._cells[0])
        self._cells.remove(cell)
        if cell.shares:
            self._begun.add(cell.shares)
        return cell

    def ended(self, cell: Cell) -> None:
        """A cell that was taken has ended, whatever came of it."""
        self._made.add(cell.shares)
