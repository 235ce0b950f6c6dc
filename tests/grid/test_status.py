"""What has become of cells, by their folders alone."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.runs import write_run

from benchbench.grid.cell import Cell
from benchbench.grid.expansion import Grid, NamedMethod
from benchbench.grid.status import (
    State,
    state_of,
    states_of_grid,
    states_of_runs,
    states_of_wanted,
)
from benchbench.grid.wanted import Wanted, folder_within, read_wanted, write_wanted
from benchbench.runs.directory import RunDirectory


def test_the_states_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path, "knn", [40, 50])
    assert state_of(run, "it", 2) == State("done", "it")
    assert state_of(run, "it", 3) == State("interrupted", "it", "2 of 3 episodes")
    assert state_of(RunDirectory(tmp_path / "none"), "it") == State("missing", "it")
    run.update(status="running")
    assert state_of(run, "it") == State("interrupted", "it")
    with run.locked():
        assert state_of(RunDirectory(run.path), "it") == State("running", "it")
    run.update(status="failed", reason="no luck")
    assert state_of(run, "it") == State("failed", "it", "no luck")
    (run.path / "manifest.json").write_text("{")
    damaged = state_of(RunDirectory(run.path), "it")
    assert damaged.kind == "failed"
    assert "is no manifest of a run" in damaged.reason


def test_a_clock_that_was_set_back_changes_no_state(tmp_path: Path) -> None:
    """Files are of the future then; that a run is running is told by its lock alone."""
    done, begun = write_run(tmp_path, "knn", [40, 50]), write_run(tmp_path, "maml", [40, 50])
    begun.update(status="running")
    write_wanted(tmp_path, [Wanted(Cell("knn"), folder_within(tmp_path, str(done.path)), 2)])
    later = time.time() + 10**8
    with done.locked(), begun.locked():
        pass
    for file in tmp_path.rglob("*"):
        os.utime(file, (later, later))
    assert state_of(RunDirectory(done.path), "it") == State("done", "it")
    assert state_of(RunDirectory(begun.path), "it") == State("interrupted", "it")
    assert states_of_wanted(tmp_path, read_wanted(tmp_path)) == [State("done", "knn seed 0")]
    with begun.locked():
        os.utime(begun.path / ".lock", (0, 0))
        assert state_of(RunDirectory(begun.path), "it") == State("running", "it")
    write_wanted(tmp_path, [])
    assert read_wanted(tmp_path) == []


def test_wanted_cells_and_other_runs(tmp_path: Path) -> None:
    one, other = write_run(tmp_path, "knn", [40, 50]), write_run(tmp_path, "maml", [40, 50])
    wanted = [
        Wanted(Cell("knn"), folder_within(tmp_path, str(one.path)), 2),
        Wanted(Cell("knn", seed=1), "glyphs/x/knn-1", 2),
    ]
    assert states_of_wanted(tmp_path, wanted) == [
        State("done", "knn seed 0"),
        State("missing", "knn seed 1"),
    ]
    place = folder_within(tmp_path, str(other.path))
    assert states_of_runs(tmp_path, wanted) == [State("done", place)]


@pytest.fixture
def grid() -> Grid:
    methods = (NamedMethod("knn", "near"), NamedMethod("protonet"))
    common = Cell("", budget="quick")
    return Grid(methods, common, shot=(1, 5), seed=(0, 1))


def test_a_grid_finds_its_cells_by_what_was_wanted_or_by_what_was_made(
    tmp_path: Path, grid: Grid
) -> None:
    made = write_run(tmp_path, "knn", [40, 50])  # by a plain command
    begun = write_run(tmp_path, "protonet", [40, 50], protocol="5way-5shot-15query", seed=1)
    begun.update(status="running")
    drawing = grid.drawings()[1]
    wanted = [
        Wanted(
            replace(drawing, method="protonet", seed=1),
            folder_within(tmp_path, str(begun.path)),
            2,
        )
    ]
    states = states_of_grid(tmp_path, grid, wanted)
    assert len(states) == 8
    found = {one.what: one.kind for one in states if one.kind != "missing"}
    assert found == {"near 1-shot seed 0": "done", "protonet 5-shot seed 1": "interrupted"}
    made.update(identity={**made.manifest["identity"], "budget": "smoke"})
    found = {one.what for one in states_of_grid(tmp_path, grid, wanted) if one.kind == "done"}
    assert found == set()


def test_parameters_at_their_defaults_are_the_same_method(tmp_path: Path, grid: Grid) -> None:
    write_run(tmp_path, "knn", [40, 50])
    for spec, kind in (("knn[k=1]", "done"), ("knn[k=3]", "missing")):
        other = replace(grid, methods=(NamedMethod(spec),), shot=(), seed=(0,))
        assert [one.kind for one in states_of_grid(tmp_path, other, [])] == [kind]
