"""The rows of `episodes.csv`: known numbers, and what does not add up."""

from __future__ import annotations

import pytest

from benchbench.runs.rows import Rows

GOOD = (
    "episode,n_way,n_query,correct,accuracy,classes,nats\n0,2,4,3,0.75,7 1,0.5\n1,2,4,0,0.0,1 0,2\n"
)


def test_rows_are_columns() -> None:
    rows = Rows.parsed(GOOD, ["nats"])
    assert rows.correct.tolist() == [3, 0]
    assert rows.n_query.tolist() == [4, 4]
    assert rows.class_ids == ("7 1", "1 0")
    assert rows.metrics["nats"].tolist() == [0.5, 2.0]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("nats\n", "bits\n", "no column 'nats'"),
        ("nats\n", "n_way\n", "no column 'n_way', or two"),
        ("0.75", "0.76", "not correct / n_query"),
        ("0.75", "high", "a text in the column 'accuracy'"),
        ("0.5\n", "inf\n", "not finite in the column 'nats'"),
        ("4,3", "4,5", "more correct ones than queries"),
        ("4,0", "0,0", "an episode of no queries"),
        ("4,3", "4,-3", "has '-3' in the column 'correct'"),
        ("4,3", "4,1e1", "has '1e1' in the column 'correct'"),
        ("4,3", "4," + "9" * 40, "in the column 'correct'"),
        ("4,3", "4,٣", "in the column 'correct'"),
        ("7 1", "7 1 2", "classes are not n_way"),
        ("7 1", "7  1", "in the column 'classes'"),
        ("7 1", "7 x", "in the column 'classes'"),
        ("0,2,4", "5,2,4", "the episodes 0 to 1, each once"),
        (",2\n", ",2,2\n", "more or fewer cells"),
        ("0,2,4", '"0,2,4', "in the column 'episode'"),
    ],
)
def test_what_does_not_add_up_is_told(old: str, new: str, what: str) -> None:
    assert old in GOOD
    with pytest.raises(ValueError, match=what):
        Rows.parsed(GOOD.replace(old, new, 1), ["nats"])
