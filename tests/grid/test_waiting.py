"""The order in which cells begin."""

from benchbench.grid.cell import Cell
from benchbench.grid.waiting import Waiting


def cell(method: str, shares: str = "") -> Cell:
    return Cell(method, shares=shares)


A1, A2, A3, B1 = cell("a1", "a"), cell("a2", "a"), cell("a3", "a"), cell("b1", "b")
PLAIN = cell("plain")


def test_cells_that_share_nothing_begin_in_their_order() -> None:
    cells = [cell(str(number)) for number in range(4)]
    waiting = Waiting(cells)
    assert [waiting.take() for _ in range(5)] == [*cells, None]


def test_those_that_share_a_training_wait_for_the_first() -> None:
    waiting = Waiting([A1, A2, B1, A3, PLAIN])
    assert [waiting.take() for _ in range(3)] == [A1, B1, PLAIN]
    waiting.ended(B1)
    waiting.ended(A1)
    assert [waiting.take() for _ in range(3)] == [A2, A3, None]


def test_nobody_waits_if_nothing_else_is_left() -> None:
    waiting = Waiting([A1, A2])
    assert [waiting.take(), waiting.take(), waiting.take()] == [A1, A2, None]
    assert len(waiting) == 0
