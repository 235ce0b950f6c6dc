"""The table of one command: its order, its numbers and its notes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.runs import TRANSDUCTIVE, write_run

from benchbench.results.outcomes import run_table
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome
from benchbench.stats import mean_interval

CORRECT = [60, 45, 75, 30]
CLASSES = [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 2, 3, 4, 5], [5, 1, 0, 3, 4]]

MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Stores a run of four episodes of 75 queries."""

    def make(method: str = "toy", correct: list[int] = CORRECT, **options: Any) -> RunDirectory:
        return write_run(tmp_path, method, correct, **{"classes": CLASSES, **options})

    return make


def columns(table: str) -> dict[str, list[str]]:
    """The cells of a markdown table by their column, from the top."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {name: list(cells) for name, *cells in zip(lines[0], *lines[2:], strict=True)}


def test_the_table_of_a_command_keeps_its_order_and_prints_percent(make_run: MakeRun) -> None:
    cells = [
        Outcome("worse", "finished", run=make_run("worse", [15, 15, 15, 15])),
        Outcome("better", "finished", run=make_run("better", CORRECT)),
    ]
    table = columns(run_table(cells, 4))
    assert table["method"] == ["worse", "better"]
    assert table["accuracy %"] == ["20.00", "70.00"]
    # 100 * t(0.975, 3) * sd / 2, with an sd of 0.2581989 over the four episodes.
    # Wilson's interval of 60 right of 300 where the episodes are all equal.
    assert table["± episodes"] == ["[15.87, 24.89]", "41.09"]
    assert table["n"] == ["4", "4"]


def test_the_table_of_a_command_has_the_episodes_that_were_asked_for(make_run: MakeRun) -> None:
    table = columns(run_table([Outcome("toy", "finished", run=make_run())], 2))
    assert (table["accuracy %"][0], table["n"][0]) == ("70.00", "2")


def test_a_broken_claim_is_noted_in_the_table_of_a_command(make_run: MakeRun) -> None:
    cells = [
        Outcome("honest", "finished", run=make_run("honest", audit={"inductive": True})),
        Outcome("joint", "finished", run=make_run("joint", audit=TRANSDUCTIVE)),
    ]
    table = columns(run_table(cells, 4))
    assert table["note"] == ["", "transductive by the audit, against its claim"]
    assert list(columns(run_table(cells[:1], 4)))[-1] == "n"


def test_a_name_and_a_declared_setting_are_noted(make_run: MakeRun) -> None:
    joint = make_run("joint")
    joint.update(method={**joint.manifest["method"], "transductive": True})
    cells = [
        Outcome("mine", "finished", run=make_run("toy")),
        Outcome("joint", "finished", run=joint),
    ]
    assert columns(run_table(cells, 4))["note"] == ["toy", "transductive"]


def test_failed_and_skipped_methods_say_why(make_run: MakeRun) -> None:
    cells = [
        Outcome("good", "finished", run=make_run("good")),
        Outcome("bad", "failed", "RuntimeError: no luck", make_run("bad", status="failed")),
        Outcome("shy", "skipped", "it needs class names"),
    ]
    table = columns(run_table(cells, 4))
    assert table["note"] == ["", "failed: RuntimeError: no luck", "skipped: it needs class names"]
    assert table["accuracy %"] == ["70.00", "", ""]


def test_the_number_of_episodes_is_printed_whole_beside_a_failed_method(make_run: MakeRun) -> None:
    cells = [Outcome("good", "finished", run=make_run()), Outcome("bad", "failed", "no luck")]
    assert columns(run_table(cells, 4))["n"] == ["4", ""]


def test_the_table_of_a_command_does_not_change_with_time(make_run: MakeRun) -> None:
    quick = run_table([Outcome("toy", "finished", run=make_run(seconds=0.25))], 4)
    slow = run_table([Outcome("toy", "finished", run=make_run(seed=1, seconds=97531.0))], 4)
    assert quick == slow


def test_the_table_of_a_command_has_the_further_metrics_before_the_note(make_run: MakeRun) -> None:
    cells = [
        Outcome("bad", "failed", "no luck"),
        Outcome("toy", "finished", run=make_run(metrics={"nats": [0.25, 0.5, 0.25, 0.5]})),
    ]
    table = columns(run_table(cells, 4))
    assert list(table)[-3:] == ["n", "nats", "note"]
    half_width = mean_interval(np.array([0.25, 0.5, 0.25, 0.5]))
    assert table["nats"] == ["", f"0.3750 ± {half_width:.4f}"]
    assert list(columns(run_table(cells[1:], 4)))[-2:] == ["n", "nats"]


def test_seeds_share_a_row_of_their_mean(make_run: MakeRun) -> None:
    cells = [
        Outcome("toy", "finished", run=make_run("toy", [60, 45, 75, 30], seed=0)),
        Outcome("one", "finished", run=make_run("one", [15, 30, 45, 60])),
        Outcome("toy", "finished", run=make_run("toy", [30, 15, 45, 0], seed=1)),
    ]
    table = columns(run_table(cells, 4))
    assert table["method"] == ["toy", "one"]
    assert table["accuracy %"] == ["50.00", "50.00"]
    assert table["seeds"] == ["2", ""]
    assert list(table)[3:] == ["± classes", "± seeds", "n", "seeds"]


def test_a_seed_that_failed_is_noted_beside_the_mean_of_the_others(make_run: MakeRun) -> None:
    cells = [
        Outcome("toy", "finished", run=make_run("toy", CORRECT, seed=0)),
        Outcome("toy", "failed", "no luck"),
        Outcome("bad", "failed", "no luck"),
        Outcome("bad", "failed", "worse luck"),
    ]
    table = columns(run_table(cells, 4))
    assert table["accuracy %"] == ["70.00", ""]
    assert table["seeds"] == ["1", ""]
    assert table["note"] == ["1 of 2 failed: no luck", "failed: no luck"]
