"""What `squeue` says is understood, and `cancel` ends the jobs of one results folder alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import assert_one_sentence, invoke

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.slurm_queue import Submission, queued, states

Say = Callable[[str, int], None]


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """A `squeue` that says this and exits so, and a `scancel` that writes down what it is told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")

    def program(name: str, body: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)

    def say(text: str, code: int = 0) -> None:
        (tmp_path / "said").write_text(text)
        program("squeue", f"cat '{tmp_path}/said'; exit {code}")
        program("scancel", f'echo "$1" >> "{tmp_path}/cancelled"')

    return say


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    made = Submission.new(tmp_path / "results")
    made.add([Cell("knn")]).job = "7_0"
    made.save()
    return made


def test_jobs_are_known_by_the_name_of_their_submission(squeue: Say) -> None:
    squeue("7_0 RUNNING benchbench-a\n7_1 PENDING benchbench-a\n9 RUNNING somebody else's\n", 0)
    assert queued(["benchbench-a", "benchbench-b"]) == {
        "benchbench-a": {"7_0": "RUNNING", "7_1": "PENDING"},
        "benchbench-b": {},
    }


def test_a_queue_that_does_not_answer_is_not_empty(squeue: Say, submission: Submission) -> None:
    squeue("", 1)
    assert queued(["benchbench-a"]) is None
    with pytest.raises(BenchbenchError, match="squeue does not answer"):
        states(submission.folder.parents[1])


def test_cancel_ends_what_the_folder_has_in_the_queue(
    squeue: Say, submission: Submission, tmp_path: Path
) -> None:
    squeue(f"7_0 RUNNING {submission.job_name}\n8_0 RUNNING benchbench-another\n", 0)
    assert invoke("cancel", tmp_path / "results").stdout.endswith("results: ended 1 running\n")
    assert (tmp_path / "cancelled").read_text() == f"--name={submission.job_name}\n"
    assert "in SLURM: 1 running" in invoke("status", tmp_path / "results").stdout


def test_cancel_says_that_there_is_nothing(tmp_path: Path) -> None:
    assert "nothing is in SLURM's queue" in invoke("cancel", tmp_path).stdout


def test_cancel_needs_a_folder(tmp_path: Path) -> None:
    assert_one_sentence(invoke("cancel", tmp_path / "no"), "There is no folder")


def test_a_submission_that_cannot_be_read_is_left_out(
    submission: Submission, tmp_path: Path
) -> None:
    (submission.folder / "tasks.json").write_text('[[0, {"job": 1}]]')
    assert Submission.all(tmp_path / "results") == []
