"""From run directories to tables: what may share one, in which order, and what is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchbench.leaderboard import (
    COLUMNS,
    GROUP,
    collect,
    decimals,
    further_metrics,
    percent,
    row,
    run_table,
)
from benchbench.reporters import markdown, markdown_table
from benchbench.stats import class_interval
from benchbench.store import Cell, RunDirectory, Store

CORRECT = [60, 45, 75, 30]
CLASSES = [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 2, 3, 4, 5], [5, 1, 0, 3, 4]]

MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Stores a run of four episodes of 75 queries."""

    def make(
        method: str = "toy",
        correct: list[int] = CORRECT,
        dataset: str = "glyphs",
        status: str = "finished",
        seconds: float = 1.5,
        metrics: dict[str, list[float]] | None = None,
        **identity: Any,
    ) -> RunDirectory:
        identity = {
            "method": method.partition("[")[0],
            "parameters": method,
            "fingerprint": "ab" * 32,
            "splits": "cd" * 32,
            "split": "test",
            "protocol": "5way-1shot-15query",
            "episode_seed": 0,
            "seed": 0,
            "budget": "quick",
            "metrics": list(metrics or {}),
            **identity,
        }
        run = Store(tmp_path).run(dataset, identity)
        run.path.mkdir(parents=True)
        run.start(
            {
                "status": "running",
                "reason": "",
                "identity": identity,
                "method": {"spec": method},
                "dataset": {"name": dataset, "fingerprint": identity["fingerprint"]},
            }
        )
        for number, right in enumerate(correct):
            run.append(
                {
                    "episode": number,
                    "n_way": 5,
                    "n_query": 75,
                    "correct": right,
                    "accuracy": right / 75,
                    "classes": " ".join(map(str, CLASSES[number])),
                    **{name: values[number] for name, values in (metrics or {}).items()},
                }
            )
        cost = {"training_seconds": seconds, "seconds_per_episode": seconds / 1000}
        if status == "finished":
            run.finish(episodes={"count": len(correct)}, cost=cost)
        elif status == "failed":
            run.fail(RuntimeError("no luck"))
        return run

    return make


def tables(frame: pd.DataFrame) -> list[list[str]]:
    """The methods of each table of the markdown leaderboard."""
    found: list[list[str]] = []
    for line in markdown(frame).splitlines():
        if line.startswith("## "):
            found.append([])
        elif line.startswith("| ") and not line.startswith("| method"):
            found[-1].append(line.split("|")[1].strip())
    return found


def test_a_row_holds_the_numbers_of_the_run(make_run: MakeRun) -> None:
    found = row(make_run("toy[rate=0.1]", budget="100", seed=3))
    accuracy = np.array(CORRECT) / 75
    assert found["accuracy"] == accuracy.mean()
    half = stats.t.ppf(0.975, 3) * stats.sem(accuracy)
    assert found["ci_episodes"] == pytest.approx(half, rel=1e-12)
    assert found["ci_classes"] == class_interval(accuracy, list(map(np.array, CLASSES)))
    assert found["episodes"] == 4
    assert (found["method"], found["budget"], found["seed"]) == ("toy[rate=0.1]", "100", 3)
    assert (found["training_seconds"], found["seconds_per_episode"]) == (1.5, 0.0015)


def test_a_row_of_the_first_episodes(make_run: MakeRun) -> None:
    found = row(make_run(), episodes=2)
    assert found["accuracy"] == (60 + 45) / 150
    assert found["episodes"] == 2


def test_the_best_row_comes_first_and_ties_by_name(make_run: MakeRun) -> None:
    runs = [
        make_run("worst", [0, 0, 0, 0]),
        make_run("tie_b", [30, 30, 30, 30]),
        make_run("best", [75, 75, 75, 74]),
        make_run("tie_a", [29, 31, 28, 32]),
    ]
    expected = ["best", "tie_a", "tie_b", "worst"]
    assert collect(runs)["method"].tolist() == expected
    assert collect(reversed(runs))["method"].tolist() == expected


def test_only_finished_runs_are_ranked(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("done")
    make_run("broken", status="failed")
    make_run("halfway", status="running")
    assert collect(Store(tmp_path).runs())["method"].tolist() == ["done"]


def test_no_finished_runs_are_an_empty_frame(make_run: MakeRun) -> None:
    assert collect([]).empty
    assert collect([make_run(status="failed")]).empty


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "omniglot"},
        {"protocol": "5way-5shot-15query"},
        {"episode_seed": 1},
        {"split": "val"},
        {"splits": "ef" * 32},
        {"fingerprint": "ef" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rows_on_other_episodes_never_share_a_table(
    make_run: MakeRun, change: dict[str, Any]
) -> None:
    runs = [make_run("a"), make_run("b"), make_run("c", **change), make_run("d", **change)]
    found = tables(collect(runs))
    assert sorted(map(sorted, found)) == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize("change", [{"seed": 1}, {"budget": "paper"}], ids=str)
def test_rows_on_the_same_episodes_share_a_table(make_run: MakeRun, change) -> None:
    assert len(tables(collect([make_run("a"), make_run("b", **change)]))) == 1


def test_the_table_of_a_command_keeps_its_order_and_prints_percent(make_run: MakeRun) -> None:
    cells = [
        Cell("worse", "finished", run=make_run("worse", [15, 15, 15, 15])),
        Cell("better", "finished", run=make_run("better", CORRECT)),
    ]
    table = run_table(cells, 4)
    assert table["method"].tolist() == ["worse", "better"]
    assert table["accuracy %"].tolist() == ["20.00", "70.00"]
    # 100 * t(0.975, 3) * sd / 2, with an sd of 0.2581989 over the four episodes.
    assert table["± episodes"].tolist() == ["0.00", "41.09"]
    assert table["n"].tolist() == ["4", "4"]


def test_the_table_of_a_command_has_the_episodes_that_were_asked_for(make_run: MakeRun) -> None:
    table = run_table([Cell("toy", "finished", run=make_run())], 2)
    assert (table["accuracy %"][0], table["n"][0]) == ("70.00", "2")


def test_failed_and_skipped_methods_say_why(make_run: MakeRun) -> None:
    cells = [
        Cell("good", "finished", run=make_run("good")),
        Cell("bad", "failed", "RuntimeError: no luck", make_run("bad", status="failed")),
        Cell("shy", "skipped", "it needs class names"),
    ]
    table = run_table(cells, 4).set_index("method")
    assert table["note"].dropna().to_dict() == {
        "bad": "failed: RuntimeError: no luck",
        "shy": "skipped: it needs class names",
    }
    assert table["accuracy %"].dropna().to_dict() == {"good": "70.00"}


def test_the_number_of_episodes_is_printed_whole_beside_a_failed_method(make_run: MakeRun) -> None:
    cells = [Cell("good", "finished", run=make_run()), Cell("bad", "failed", "no luck")]
    line = markdown_table(run_table(cells, 4)).splitlines()[2]
    assert [cell.strip() for cell in line.strip("|").split("|")][4] == "4"


def test_the_table_of_a_command_does_not_change_with_time(make_run: MakeRun) -> None:
    quick = run_table([Cell("toy", "finished", run=make_run("a", seconds=0.25))], 4)
    slow = run_table([Cell("toy", "finished", run=make_run("b", seconds=97531.0))], 4)
    pd.testing.assert_frame_equal(quick, slow)


def test_a_row_without_further_metrics_has_the_declared_columns(make_run: MakeRun) -> None:
    found = row(make_run())
    assert set(found) == {*GROUP, *COLUMNS}
    assert further_metrics(found) == []


def test_a_further_metric_is_a_column_with_its_mean(make_run: MakeRun) -> None:
    nats = [0.1, 0.2, 0.4, 1e-17]
    run = make_run(metrics={"nats": nats, "other": [1.0, 2.0, 3.0, 4.0]})
    found = row(run)
    assert further_metrics(found) == ["nats", "other"]
    assert (found["nats"], found["other"]) == (np.mean(nats), 2.5)
    assert row(run, episodes=2)["nats"] == np.mean(nats[:2])


def test_a_metric_that_a_run_does_not_have_is_missing(make_run: MakeRun) -> None:
    frame = collect([make_run("a", metrics={"nats": [1.0] * 4}), make_run("b")])
    assert further_metrics(frame) == ["nats"]
    assert frame.set_index("method")["nats"].fillna(-1).to_dict() == {"a": 1.0, "b": -1.0}


def test_the_table_of_a_command_has_the_further_metrics_before_the_note(make_run: MakeRun) -> None:
    cells = [
        Cell("bad", "failed", "no luck"),
        Cell("good", "finished", run=make_run(metrics={"nats": [0.25, 0.5, 0.25, 0.5]})),
    ]
    table = run_table(cells, 4)
    assert table.columns.tolist()[-3:] == ["n", "nats", "note"]
    assert table["nats"].tolist()[1] == "0.3750"
    assert run_table(cells[1:], 4).columns.tolist()[-2:] == ["n", "nats"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0000"), (-1.23456, "-1.2346"), (12.0, "12.0000"), (None, "–"), (np.nan, "–")],
)
def test_decimals(value: float | None, text: str) -> None:
    assert decimals(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100.00"),
        (0.0, "0.00"),
        (0.98765, "98.77"),
        (1 / 3, "33.33"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text
