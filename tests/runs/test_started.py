"""The log of begun runs: lines are only added, and outlive the folders."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.runs import write_run

from benchbench.runs import started
from benchbench.runs.directory import RunDirectory
from benchbench.runs.started import StartLog, started_without_result


def begun(root: Path, method: str, seed: int = 0, status: str = "finished") -> RunDirectory:
    run = write_run(root, method, [40, 50], seed=seed, status=status)
    StartLog(root).add(run)
    return run


def test_a_line_says_which_run_has_begun_and_when(tmp_path: Path) -> None:
    run = begun(tmp_path, "protonet[way=5]", seed=3)
    (line,) = StartLog(tmp_path).lines()
    assert tmp_path / line["run"] == run.path
    assert (line["method"], line["seed"], line["budget"]) == ("protonet[way=5]", 3, "quick")
    assert line["time"].endswith("+00:00")


def test_a_run_that_begins_again_gets_another_line(tmp_path: Path) -> None:
    run = begun(tmp_path, "knn")
    StartLog(tmp_path).add(run)
    assert [line["method"] for line in StartLog(tmp_path).lines()] == ["knn", "knn"]


def test_the_order_is_that_of_the_lines_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for year, status in ((2030, "failed"), (2020, "finished")):
        clock = SimpleNamespace(now=lambda zone, year=year: datetime(year, 1, 1, tzinfo=zone))
        monkeypatch.setattr(started, "datetime", clock)
        begun(tmp_path, "knn", seed=year, status=status)
    assert [line["seed"] for line in StartLog(tmp_path).lines()] == [2030, 2020]
    assert [line["time"][:4] for line in StartLog(tmp_path).lines()] == ["2030", "2020"]
    assert started_without_result([tmp_path]).startswith("1 run has begun")


def test_a_folder_that_is_deleted_leaves_its_trace(tmp_path: Path) -> None:
    for seed in range(4):
        run = begun(tmp_path, "protonet", seed=seed)
        if seed != 2:
            shutil.rmtree(run.path)
    begun(tmp_path, "knn")
    assert started_without_result([tmp_path]) == (
        "3 runs have begun and have no stored result: "
        "3 of protonet (quick) on glyphs/5way-1shot-15query"
    )


@pytest.mark.parametrize("status", ["running", "failed"])
def test_a_run_that_did_not_finish_has_no_result(tmp_path: Path, status: str) -> None:
    begun(tmp_path, "knn", status=status)
    assert started_without_result([tmp_path, tmp_path]).startswith(
        "1 run has begun and has no stored result: 1 of knn (quick)"
    )


def test_nothing_is_said_where_all_is_stored(tmp_path: Path) -> None:
    begun(tmp_path, "knn")
    assert started_without_result([tmp_path]) == ""
    assert started_without_result([tmp_path / "nothing"]) == ""


def test_a_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    begun(tmp_path, "knn")
    with (tmp_path / "started.jsonl").open("a") as file:
        file.write('{"time": "20')
    assert len(StartLog(tmp_path).lines()) == 1


def test_only_some_of_many_configurations_are_named(tmp_path: Path) -> None:
    for number in range(7):
        shutil.rmtree(begun(tmp_path, f"knn[k={number + 1}]").path)
    told = started_without_result([tmp_path])
    assert told.startswith("7 runs have begun")
    assert told.endswith(", 2 more configurations")
