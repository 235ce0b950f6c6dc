"""One task of a cluster: outcomes as files, and signals that end it as Ctrl-C would."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.grid import computing
from benchbench.grid.bundle import Bundle, leave, left, outcome_file
from benchbench.grid.cell import Cell
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome

CELLS = tuple(Cell("knn", seed=seed).to_json() for seed in range(3))


def computed_by(monkeypatch: pytest.MonkeyPatch, function: Callable[[Cell], Outcome]) -> None:
    monkeypatch.setattr(computing, "compute_cell", function)


def test_every_cell_leaves_its_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(cell: Cell) -> Outcome:
        if cell.seed == 1:
            raise RuntimeError("no luck")
        return Outcome(cell.name, "finished", run=RunDirectory(tmp_path / "run"))

    computed_by(monkeypatch, compute)
    Bundle(str(tmp_path / "outcomes"), 4, CELLS)()
    files = [outcome_file(tmp_path / "outcomes", 4, place) for place in range(3)]
    found = [left(file, tmp_path) for file in files]
    assert [one.status for one in found] == ["finished", "failed", "finished"]
    assert found[1].reason == "RuntimeError: no luck"
    assert found[0].run is not None
    assert found[0].run.path == tmp_path / "run"


def test_an_outcome_has_its_runs_path_as_the_results_folder_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunDirectory(Path("results/a/b"))
    leave(Outcome("knn", "finished", run=run), tmp_path / "0-0.json")
    found = left(tmp_path / "0-0.json", Path("results")).run
    assert found is not None
    assert (found.path, found.shared) == (Path("results/a/b"), Path("results/pretrained"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_ends_it_as_ctrl_c_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    told: list[str] = []

    def compute(cell: Cell) -> Outcome:
        try:
            if cell.seed == 1:
                os.kill(os.getpid(), number)
            return Outcome(cell.name, "finished")
        except Exception:  # which a run that fails would be stored by
            told.append("failed")
            raise
        finally:
            told.append(f"seed {cell.seed} is written")

    computed_by(monkeypatch, compute)
    before = signal.signal(number, lambda *_: told.append("submitit queues it again"))
    try:
        with pytest.raises(SystemExit) as ended:
            Bundle(str(tmp_path), 0, CELLS)()
    finally:
        signal.signal(number, before)
    assert ended.value.code == 128 + number
    assert told == ["seed 0 is written", "seed 1 is written", "submitit queues it again"]
    assert [file.name for file in tmp_path.iterdir()] == ["0-0.json"]


def test_handlers_are_as_before_when_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    computed_by(monkeypatch, lambda cell: Outcome(cell.name, "finished"))
    Bundle(str(tmp_path), 0, CELLS)()
    assert signal.getsignal(signal.SIGTERM) == before
