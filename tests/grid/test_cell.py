"""Cells: plain values that go through JSON and pickles unchanged."""

from __future__ import annotations

import math
import pickle

import pytest

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell

FULL = Cell(
    method="knn[k=3,backbone=conv4[width=16]]",
    label="three",
    dataset="folder:ü b[size=8]",
    source="omniglot",
    sampling=(("way", 5), ("replacement", "none")),
    metrics=("balanced_accuracy",),
    threads=2,
    timeout=math.inf,
    audit=False,
    command=("benchbench", "run"),
    shares="conv4 0",
)


@pytest.mark.parametrize("cell", [FULL, Cell("knn")])
def test_a_cell_goes_through_json_and_pickles(cell: Cell) -> None:
    text = cell.to_json()
    assert "\n" not in text
    assert Cell.from_json(text) == cell == pickle.loads(pickle.dumps(cell))
    assert hash(Cell.from_json(text)) == hash(cell)


def test_entries_of_a_later_version_are_left_out() -> None:
    assert Cell.from_json('{"method": "knn", "colour": "red"}') == Cell("knn")


@pytest.mark.parametrize("text", ["", "[1]", "{}", "no", "[" * 100_000])
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(BenchbenchError, match="no cell"):
        Cell.from_json(text)


def test_cells_of_one_table_differ_in_method_and_seed_alone() -> None:
    assert Cell("a", seed=1).table == Cell("b", label="c", seed=2).table
    assert Cell("a", sampling=(("shot", 1),)).table != Cell("a", sampling=(("shot", 5),)).table
    assert Cell("a", source="one").table != Cell("a", source="other").table


def test_a_line_names_what_differs() -> None:
    assert str(FULL) == "three 5-way on omniglot seed 0"
    assert str(Cell("knn", sampling=(("way", 5), ("shot", 1)), seed=3)) == "knn 5-way 1-shot seed 3"
