"""Shards and claims: every cell is somebody's, and none is computed twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import write_run

from benchbench.errors import BenchbenchError
from benchbench.grid import sharing
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.grid.sharing import Claiming, parse_shard, rotated, shard_of
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome

CELLS = st.lists(st.sampled_from(["", "x", "y", "z"]), max_size=20).map(
    lambda shares: [Cell(f"m{number}", shares=one) for number, one in enumerate(shares)]
)


@given(CELLS, st.integers(1, 6))
def test_shards_are_a_partition_that_keeps_order_and_company(cells: list[Cell], count: int) -> None:
    shards = [shard_of(cells, number, count) for number in range(1, count + 1)]
    assert sorted((c for s in shards for c in s), key=cells.index) == cells
    for shard in shards:
        assert shard == sorted(shard, key=cells.index)
    for share in {"x", "y", "z"}:
        assert sum(any(cell.shares == share for cell in shard) for shard in shards) <= 1
    if not any(cell.shares for cell in cells):
        sizes = [len(shard) for shard in shards]
        assert max(sizes) - min(sizes) <= 1


def test_a_shard_is_parsed() -> None:
    assert parse_shard(" 2/3 ") == (2, 3)


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "1/0", "-1/2", "1/2/3", "a/b"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(BenchbenchError, match="is not i/n"):
        parse_shard(text)


def test_rotation_begins_elsewhere_and_loses_nothing() -> None:
    cells = [Cell(str(number)) for number in range(4)]
    assert [cell.method for cell in rotated(cells, 3)] == ["3", "0", "1", "2"]


class Busy(GridEngine):
    """An engine to which some cells are busy as often as said."""

    name = "busy"

    def __init__(self, times: dict[Cell, int]) -> None:
        self.times, self.asked = dict(times), []

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        for cell in cells:
            self.asked.append(cell)
            self.times[cell] = self.times.get(cell, 0) - 1
            busy = self.times[cell] >= 0
            yield cell, Outcome(cell.method, "failed" if busy else "finished", busy=busy)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    monkeypatch.setattr(sharing.secrets, "randbelow", lambda _: 1)
    return [Cell("a"), Cell("b"), Cell("c")]


def test_what_others_are_at_is_asked_for_again(cells: list[Cell], tmp_path: Path) -> None:
    a, b, c = cells
    engine = Busy({b: 2})
    paths = {cell: str(tmp_path / cell.method) for cell in cells}
    found = list(Claiming(engine, paths).compute(cells))
    assert [cell for cell, _ in found] == [c, a, b]
    assert all(outcome.status == "finished" for _, outcome in found)
    assert engine.asked == [b, c, a, b, b]


def test_it_waits_while_all_is_locked_and_takes_what_becomes_free(
    cells: list[Cell], tmp_path: Path
) -> None:
    a, *_ = cells
    run = RunDirectory(tmp_path / "a")
    held = run.locked()
    held.__enter__()
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < 3
        if len(slept) == 2:
            held.__exit__(None, None, None)

    engine = Busy({a: 1})
    ((_, outcome),) = Claiming(engine, {a: str(run.path)}, sleep=sleep).compute([a])
    assert outcome.status == "finished"
    assert len(slept) == 2
    assert engine.asked == [a, a]


@pytest.mark.parametrize("retry", [False, True])
def test_what_has_failed_elsewhere_meanwhile_is_not_tried_again_unless_wanted(
    tmp_path: Path, retry: bool
) -> None:
    cell, run = Cell("a"), write_run(tmp_path, "a", [1, 2], status="failed")
    run.update(reason="no luck")
    engine = Busy({cell: 1})
    ((_, outcome),) = Claiming(engine, {cell: str(run.path)}, retry).compute([cell])
    assert (outcome.status, outcome.reason) == (
        ("finished", "") if retry else ("failed", "no luck")
    )
    assert len(engine.asked) == 1 + retry
