"""Accuracy by class and confusions, on episodes and answers that are counted by hand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from support.answers import RIGHT, write_answered, write_answered_runs
from support.command_line import invoke, refused

from benchbench.results.entries import Entry, tables_of
from benchbench.results.per_class import per_class
from benchbench.results.reporters.per_class import Classes, per_class_markdown
from benchbench.results.stored import read_results
from benchbench.runs.store import Store
from benchbench.verification.redrawing import Redrawings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two seeds of one method, a method that knows one slot, and one without answers."""
    write_answered_runs(tmp_path)
    return tmp_path


def entries(root: Path) -> list[Entry]:
    (table,) = tables_of(read_results(Store(root).runs()))
    return table


def test_without_a_confusion_there_is_no_table_of_them(tmp_path: Path) -> None:
    write_answered(tmp_path, "knn", RIGHT)
    found = per_class(entries(tmp_path), Redrawings())
    assert len(found.confusions) == 0
    assert found.accuracy["knn"].tolist() == [1.0] * 4
    classes = Classes(entries(tmp_path), found, None)
    assert "Taken for one another" not in per_class_markdown(classes)


def test_where_no_run_has_answers_only_that_is_said(tmp_path: Path) -> None:
    write_answered(tmp_path, "knn", None)
    table = entries(tmp_path)
    text = per_class_markdown(Classes(table, per_class(table, Redrawings()), None))
    assert text.splitlines()[2:] == [
        "* left out 1 run: it has no stored answers, or not to all of its episodes"
    ]


def test_shares_are_those_counted_by_hand(root: Path) -> None:
    found = per_class(entries(root), Redrawings())
    assert found.episodes == 2
    assert found.queries.to_dict() == {3: 4, 5: 2, 7: 4, 9: 2}
    assert found.accuracy["knn"].to_dict() == {3: 1.0, 5: 0.75, 7: 0.75, 9: 1.0}
    assert found.accuracy["first"].to_dict() == {3: 0.5, 5: 0.0, 7: 0.5, 9: 0.0}
    assert found.confusions["knn"].to_dict() == {
        (7, 3): 0.25,
        (5, 7): 0.25,
        (3, 7): 0.0,
        (9, 3): 0.0,
    }
    assert found.confusions["first"].to_dict() == {
        (7, 3): 0.5,
        (5, 7): 1.0,
        (3, 7): 0.5,
        (9, 3): 1.0,
    }
    assert found.confusable.to_dict() == {(7, 3): 4, (5, 7): 2, (3, 7): 4, (9, 3): 2}
    assert found.confusions.index[0] == (7, 3)
    assert found.remarks == [
        "left out 1 run: it has no stored answers, or not to all of its episodes"
    ]


def test_each_query_is_right_or_taken_for_another_class(root: Path) -> None:
    found = per_class(entries(root), Redrawings())
    for method in found.accuracy:
        taken = (found.confusions[method] * found.confusable).groupby(level=0).sum()
        wrong = (1 - found.accuracy[method]) * found.queries
        assert taken.reindex(wrong.index, fill_value=0).tolist() == pytest.approx(wrong.tolist())


def test_answers_that_do_not_give_the_rows_are_left_out(root: Path) -> None:
    run = next(run for run in Store(root).runs() if run.manifest["method"]["spec"] == "first")
    (run.path / "answers.csv.gz").unlink()
    run.answers.append([run.answers.row(n, row) for n, row in enumerate(RIGHT)])
    run.answers.pack()
    found = per_class(entries(root), Redrawings())
    assert list(found.accuracy) == ["knn"]
    assert any("not those of its rows" in remark for remark in found.remarks)


def test_the_section_names_classes_hardest_first(root: Path) -> None:
    table = entries(root)
    classes = Classes(table, per_class(table, Redrawings()), [f"<{n}>" for n in range(10)])
    assert classes.accuracy()["class"].tolist() == ["<5>", "<9>", "<7>", "<3>"]
    text = per_class_markdown(classes)
    assert "## toy, 3way-1shot-2query: classes" in text
    assert text.index("<5>") < text.index("<9>") < text.index("<7>")
    assert "left out 1 run" in text


def test_the_command_prints_both_formats(root: Path) -> None:
    printed = invoke("leaderboard", root, "--per-class")
    assert printed.exit_code == 0, printed.output
    assert "class 5" in printed.stdout
    assert "as the data is not decoded here" in printed.stdout
    rows = csv.DictReader(
        io.StringIO(invoke("leaderboard", root, "--per-class", "--format", "csv").stdout)
    )
    shares = {
        (row["method"], int(row["class_id"]), int(row["taken_for_id"])): float(row["share"])
        for row in rows
    }
    assert shares["first", 7, 3] == 0.5
    assert shares["knn", 5, 5] == 0.75
    assert not (root.parent / "leaderboards").exists()


def test_options_that_go_against_it(root: Path) -> None:
    for options in (("--check",), ("--publish",), ("--across", "all")):
        assert "--per-class prints" in refused("leaderboard", root, "--per-class", *options)
    assert "markdown or csv" in refused("leaderboard", root, "--per-class", "--format", "html")
