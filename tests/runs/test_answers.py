"""What was predicted is kept for every episode, packed when the run ends."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.errors import BenchbenchError
from benchbench.runs.answers import Answers


def rows(*numbers: int) -> list[str]:
    return [Answers.row(number, [number % 3, 0, 2]) for number in numbers]


def test_answers_come_back_packed_and_plain(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    assert answers.sha256() is None
    answers.append(rows(0, 1))
    answers.append(rows(2))
    digest, plain = answers.sha256(), answers.predicted()
    answers.pack()
    assert [file.name for file in tmp_path.iterdir()] == ["answers.csv.gz"]
    assert Answers(tmp_path).sha256() == digest
    found = Answers(tmp_path).predicted()
    assert [found[number].tolist() for number in range(3)] == [[0, 0, 2], [1, 0, 2], [2, 0, 2]]
    assert plain.keys() == found.keys()


def test_a_kill_changes_no_byte(tmp_path: Path) -> None:
    """A row that was cut short and rows of episodes that are not stored are written again."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    Answers(whole).append(rows(0, 1, 2, 3))
    Answers(killed).append(rows(0, 1, 2))
    with (killed / "answers.csv").open("a") as file:
        file.write("3,0 ")
    Answers(killed).keep(2)
    Answers(killed).append(rows(2, 3))
    for folder in (whole, killed):
        Answers(folder).pack()
    assert (whole / "answers.csv.gz").read_bytes() == (killed / "answers.csv.gz").read_bytes()


def test_a_finished_run_gets_more(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.append(rows(0, 1))
    answers.pack()
    answers.keep(2)
    answers.append(rows(2))
    answers.pack()
    assert list(Answers(tmp_path).predicted()) == [0, 1, 2]


def test_an_older_run_has_answers_of_what_was_added(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.keep(600)
    answers.append(rows(600, 601))
    answers.pack()
    assert list(answers.predicted()) == [600, 601]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"episode,predicted\n0,1 x\n", mtime=0),
        gzip.compress(b"a\n1\n", mtime=0),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers.csv.gz").write_bytes(content)
    with pytest.raises(BenchbenchError, match=r"answers\.csv\.gz"):
        Answers(tmp_path).predicted()


@given(st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=20), min_size=1, max_size=10))
def test_any_slots_come_back(
    tmp_path_factory: pytest.TempPathFactory, slots: list[list[int]]
) -> None:
    answers = Answers(tmp_path_factory.mktemp("run"))
    answers.append([Answers.row(number, one) for number, one in enumerate(slots)])
    answers.pack()
    assert [found.tolist() for found in answers.predicted().values()] == slots
    assert all(found.dtype == np.int64 for found in answers.predicted().values())


def test_confidences_come_back_to_the_last_bit(tmp_path: Path) -> None:
    sure = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    answers = Answers(tmp_path)
    for number, one in enumerate(sure):
        answers.append([Answers.row(number, [number, 0], one.tolist())])
    answers.keep(2)
    answers.pack()
    found = Answers(tmp_path).confidences()
    assert [found[number].tolist() for number in range(2)] == sure[:2].tolist()
    assert Answers(tmp_path).predicted()[1].tolist() == [1, 0]


def test_answers_without_confidences_have_none(tmp_path: Path) -> None:
    Answers(tmp_path).append(rows(0, 1))
    assert Answers(tmp_path).confidences() == {}
