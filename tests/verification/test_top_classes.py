"""The likeliest classes that a run has stored begin with its answers."""

from pathlib import Path

import numpy as np
import pytest
from support.answers import RIGHT, SOME, hand_made_episodes, write_answered

from benchbench.results.stored import read_results
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.runs.top_classes import COLUMNS, FILE, top_row
from benchbench.verification.differences import Findings
from benchbench.verification.top_classes import wrong_top


def stored(root: Path, scores: list[list[list[float]]]) -> RunDirectory:
    write_answered(root, "knn", RIGHT)
    (result,) = read_results(Store(root).runs())
    rows = [top_row(number, np.array(one, float)) for number, one in enumerate(scores)]
    (result.path / FILE).write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return RunDirectory(result.path)


def one_hot(answers: list[list[int]]) -> list[list[list[float]]]:
    return [np.eye(3)[row].tolist() for row in answers]


def test_those_of_the_answers_agree(tmp_path: Path) -> None:
    run, findings = stored(tmp_path, one_hot(RIGHT)), Findings(tmp_path)
    assert list(wrong_top(run, hand_made_episodes(), findings)) == []
    assert findings.checked == ["likeliest classes of 2"]


def test_those_of_other_answers_differ(tmp_path: Path) -> None:
    run, findings = stored(tmp_path, one_hot(SOME)), Findings(tmp_path)
    (found,) = wrong_top(run, hand_made_episodes(), findings)
    assert "episode 0 of top_classes.csv" in found.sentence


@pytest.mark.parametrize(("old", "new"), [("0 1 2", "0 1 1"), ("0 1 2", "0 1 3"), ("0 1 2", "x")])
def test_slots_that_no_episode_has_differ(tmp_path: Path, old: str, new: str) -> None:
    run = stored(tmp_path, one_hot(RIGHT))
    text = (run.path / FILE).read_text()
    (run.path / FILE).write_text(text.replace(old, new, 1))
    assert len(list(wrong_top(run, hand_made_episodes(), Findings(tmp_path)))) == 1


def test_a_run_without_them_has_nothing_to_check(tmp_path: Path) -> None:
    write_answered(tmp_path, "knn", RIGHT)
    (result,) = read_results(Store(tmp_path).runs())
    findings = Findings(tmp_path)
    assert list(wrong_top(RunDirectory(result.path), hand_made_episodes(), findings)) == []
    assert findings.checked == []
