"""How long a grid will take, by what earlier runs have cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.runs import write_run

from benchbench.grid.cell import Cell
from benchbench.grid.forecast import Forecast, Progress, duration
from benchbench.runs.outcome import Outcome


def cost(root: Path, method: str, seconds: float, **facts: object) -> None:
    run = write_run(root, method, [40, 50], **facts)  # type: ignore[arg-type]
    run.update(cost={"training_seconds": seconds - 2, "seconds_per_episode": 1.0})


def test_the_most_similar_runs_count(tmp_path: Path) -> None:
    cost(tmp_path, "knn", 10.0)
    cost(tmp_path, "knn", 20.0, seed=1)
    cost(tmp_path, "knn", 70.0, dataset="shapes")
    cost(tmp_path, "maml", 500.0, budget="paper")
    forecast = Forecast(tmp_path)
    assert forecast.seconds(Cell("knn")) == 15
    assert forecast.seconds(Cell("knn", dataset="omniglot")) == pytest.approx(100 / 3)
    assert forecast.seconds(Cell("protonet", budget="paper")) == 500
    assert forecast.seconds(Cell("protonet", budget="smoke")) == 150


def test_several_at_once_take_less_but_never_less_than_the_longest(tmp_path: Path) -> None:
    cost(tmp_path, "knn", 10.0)
    cost(tmp_path, "maml", 100.0)
    cells = [Cell("knn"), Cell("knn", seed=1), Cell("maml")]
    forecast = Forecast(tmp_path)
    assert forecast.left(cells, 1) == 120
    assert forecast.left(cells, 2) == 100


def test_nothing_is_known_of_an_empty_or_damaged_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text('{"cost": 3}')
    assert Forecast(tmp_path).left([Cell("knn")], 1) is None
    assert Forecast(tmp_path / "none").seconds(Cell("knn")) is None


def test_the_line_after_a_cell(tmp_path: Path) -> None:
    cells = [Cell("knn"), Cell("knn", seed=1), Cell("knn", seed=2)]
    progress = Progress(cells, 1, 1, tmp_path)
    assert progress.begun() == "3 of 4 cells are to be computed"
    assert (progress.done, progress.remark(None)) == (1, "")
    failed = progress.ended(cells[0], Outcome("knn", "failed", "no luck"), 0)
    assert failed == "2 of 4 cells, 1 failed"
    cost(tmp_path, "knn", 60.0)
    run = next(iter(runs_below(tmp_path)))
    line = progress.ended(cells[1], Outcome("knn", "finished", run=run), 3 * 2**29)
    assert line == (
        "3 of 4 cells, 1 failed, at most 1.5 GiB of memory; about 60 s left by earlier costs"
    )
    assert progress.remark(1) == "1 running, 1 failed; about 60 s left by earlier costs"
    assert progress.done == 3
    assert progress.ended(cells[2], Outcome("knn", "skipped"), 0) == "4 of 4 cells, 1 failed"


def runs_below(root: Path) -> list:
    from benchbench.runs.store import Store

    return Store(root).runs()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (120, "2 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_only_runs_of_the_method_with_its_budget_tell_how_long_a_task_will_be(
    tmp_path: Path,
) -> None:
    forecast = Forecast(tmp_path)
    assert forecast.seconds_of_its_like(Cell("knn")) is None
    write_run(tmp_path, "knn", [60, 60], seconds=3.0)
    known = Forecast(tmp_path)
    assert known.seconds_of_its_like(Cell("knn")) == known.seconds(Cell("knn"))
    assert known.seconds_of_its_like(Cell("maml")) is None
    assert known.seconds(Cell("maml")) is not None
