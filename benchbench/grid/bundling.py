"""Which cells one task computes, and which come first, by what such cells have cost before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchbench.grid.cell import Cell

Seconds = Callable[[Cell], float | None]
"""What a cell will take, or None if nothing is known of it."""


def bundles(cells: Iterable[Cell], seconds_of: Seconds, target: float) -> list[list[Cell]]:
    """Cells in their order, several together as long as they take `target` seconds at most.

    A cell of which nothing is known is alone.
    """
    found: list[list[Cell]] = []
    room = 0.0
    for cell in cells:
        seconds = seconds_of(cell)
        if seconds is not None and seconds <= room:
            found[-1].append(cell)
            room -= seconds
        else:
            found.append([cell])
            room = 0.0 if seconds is None else target - seconds
    return found


def first_and_rest(cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells that may begin at once, and those that wait for a training that one of them makes.

    Of cells that may share a training, the first makes it, and the others find it stored.
    """
    begun: set[str] = set()
    first: list[Cell] = []
    rest: list[Cell] = []
    for cell in cells:
        (rest if cell.shares in begun else first).append(cell)
        if cell.shares:
            begun.add(cell.shares)
    return first, rest
