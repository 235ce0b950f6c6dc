"""The likeliest classes of queries in a file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchbench.errors import BenchbenchError
from benchbench.runs.top_classes import COLUMNS, FILE, TOP, read_top, top_of, top_row

SCORES = np.array([[0.5, -1.0, 0.5, 7.25, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])


def written(folder: Path, *rows: str) -> Path:
    (folder / FILE).write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return folder


def test_the_best_come_first_and_of_equals_the_first_slots() -> None:
    found = top_of(SCORES)
    assert found.slots.tolist() == [[3, 4, 5, 0, 2], [0, 1, 2, 3, 4]]
    assert found.scores[0].tolist() == [7.25, 2.0, 1.0, 0.5, 0.5]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [top_row(0, SCORES), top_row(1, SCORES[:1, :2])]
    found = read_top(written(tmp_path, *rows), {0: 2, 1: 1})
    assert found[0].slots.tolist() == top_of(SCORES).slots.tolist()
    assert found[0].scores.tolist() == top_of(SCORES).scores.tolist()
    assert found[1].slots.tolist() == [[0, 1]]
    assert read_top(tmp_path, {1: 1}).keys() == {1}


def test_a_run_without_the_file_has_none(tmp_path: Path) -> None:
    assert read_top(tmp_path, {0: 2}) == {}


@pytest.mark.parametrize(
    "row",
    ["0,1 2 3,1.0 0.5 0.2", "0,1 2,1.0", "0,-1 2,1.0 0.5", "0,1 2,nan 0.5", "0,x,1", "0,1 2"],
)
def test_what_does_not_fit_is_damage(tmp_path: Path, row: str) -> None:
    with pytest.raises(BenchbenchError, match="holds no classes of queries"):
        read_top(written(tmp_path, row), {0: 2})


def test_other_columns_are_damage(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("episode,slots\n0,1\n")
    with pytest.raises(BenchbenchError, match="its columns are others"):
        read_top(tmp_path, {0: 1})


SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 8))


@given(arrays(np.float64, SHAPES, elements=st.floats(-9, 9)))
def test_the_first_is_the_answer_and_none_comes_twice(scores: np.ndarray) -> None:
    found = top_of(scores)
    assert found.slots[:, 0].tolist() == scores.argmax(1).tolist()
    assert found.slots.shape == (len(scores), min(TOP, scores.shape[1]))
    assert all(len(set(row)) == len(row) for row in found.slots.tolist())
    left_out = [
        score
        for row, slots in zip(scores, found.slots, strict=True)
        for score in np.delete(row, slots) - row[slots].min()
    ]
    assert all(difference <= 0 for difference in left_out)
