"""The hardest classes on the page, folded away and never too many."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.answers import write_answered, write_answered_runs

from benchbench.results.entries import tables_of
from benchbench.results.report import classes, make_report
from benchbench.results.stored import read_results
from benchbench.runs.store import Store
from benchbench.system.places import Places


def page(root: Path) -> str:
    tables = tables_of(read_results(Store(root).runs()))
    return make_report(tables, "paired", Places(root / "data", root / "cache")).html


def test_classes_and_confusions_are_folded_away(tmp_path: Path) -> None:
    write_answered_runs(tmp_path)
    html = page(tmp_path)
    folded = html.partition("<summary>Accuracy of each class (4)</summary>")[2]
    accuracy, _, confusions = folded.partition("<summary>Taken for one another (4)</summary>")
    assert accuracy.index("class 5") < accuracy.index("class 3")
    assert '<td data-value="75.00">75.00</td>' in accuracy
    assert "class 7" in confusions
    assert "left out 1 run: it has no stored answers" in html


def test_of_many_classes_the_hardest_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "SHOWN", 2)
    write_answered_runs(tmp_path)
    html = page(tmp_path)
    assert "<summary>Accuracy of each class (2)</summary>" in html
    assert "The 2 hardest of 4; <code>leaderboard --per-class</code> has all." in html


def test_without_answers_only_that_is_said(tmp_path: Path) -> None:
    write_answered(tmp_path, "older", None)
    html = page(tmp_path)
    assert "Accuracy of each class" not in html
    assert "left out 1 run" in html
