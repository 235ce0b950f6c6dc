"""What trackers log of a run, and that none of them can harm it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.installations import Installation, pretended
from support.runs import write_run

from benchbench.errors import BenchbenchError
from benchbench.registry import loading
from benchbench.results.trackers.tracking import Point, Tracker, name_of, parameters
from benchbench.runs.directory import RunDirectory

VARIABLE = "BENCHBENCH_TOY_TRACKER"


class Recorded:
    """A log in memory."""

    def __init__(self, place: str, run: RunDirectory, parameters: dict[str, str]) -> None:
        self.place, self.parameters = place, parameters
        self.points: list[Point] = []
        self.closed: list[tuple[dict[str, float], bool]] = []

    def write(self, points: list[Point]) -> None:
        self.points += points

    def close(self, results: dict[str, float], finished: bool) -> None:
        self.closed.append((results, finished))


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    monkeypatch.setenv(VARIABLE, "somewhere")
    return []


@pytest.fixture
def tracker(logs: list[Recorded]) -> Tracker:
    def begin(*arguments: object) -> Recorded:
        logs.append(Recorded(*arguments))
        return logs[-1]

    return Tracker(VARIABLE, "toy", begin)


def stored(root: Path, correct: list[int], status: str = "finished") -> RunDirectory:
    return write_run(root, "toy", correct, status=status, declared={"parameters": {}})


def row(number: int, accuracy: float) -> dict[str, object]:
    return {"episode": number, "accuracy": accuracy}


def test_the_running_accuracy_is_the_mean_so_far(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path
) -> None:
    run = stored(tmp_path, [15, 45, 75])
    tracker.start(run)
    for number, accuracy in enumerate([0.2, 0.6, 1.0]):
        tracker.score(run, row(number, accuracy))
    tracker.finish(run)
    assert [point.value for point in logs[0].points] == pytest.approx([0.2, 0.4, 0.6])
    assert [point.step for point in logs[0].points] == [0, 1, 2]


def test_a_run_that_is_continued_counts_the_episodes_of_before(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path
) -> None:
    run = stored(tmp_path, [15, 45])
    tracker.start(run)
    tracker.score(run, row(2, 1.0))
    tracker.finish(run)
    (point,) = logs[0].points
    assert point == Point("episodes/running_accuracy", 2, pytest.approx(0.6))


def test_points_do_not_wait_for_the_end(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path
) -> None:
    run = stored(tmp_path, [15])
    tracker.start(run)
    for number in range(200):
        tracker.score(run, row(number, 1.0))
    assert len(logs[0].points) == 200


def test_the_final_figures_have_the_interval_and_the_cost(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path
) -> None:
    run = stored(tmp_path, [60, 45, 75, 30])
    tracker.start(run)
    tracker.finish(run)
    ((figures, finished),) = logs[0].closed
    assert finished
    assert figures["accuracy"] == pytest.approx(0.7)
    assert figures["ci_episodes"] == pytest.approx(0.4109, abs=1e-4)  # t(0.975, 3) * sd / 2
    assert figures["training_seconds"] == run.manifest["cost"]["training_seconds"]


def test_a_run_that_failed_has_no_figures(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path
) -> None:
    run = stored(tmp_path, [60, 45], status="failed")
    tracker.start(run)
    tracker.finish(run)
    assert logs[0].closed == [({}, False)]


def test_the_curves_of_training_come_before_the_first_episode(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path
) -> None:
    run = stored(tmp_path, [60])
    (run.path / "training").mkdir()
    (run.path / "training" / "stage.json").write_text(
        '{"log": [{"step": 5, "loss": 0.5, "validation": 0.75},'
        ' {"step": 10, "loss": 0.25, "validation": null}]}'
    )
    tracker.start(run)
    tracker.score(run, row(0, 1.0))
    tracker.finish(run)
    assert logs[0].points == [
        Point("stage/loss", 5, 0.5),
        Point("stage/validation", 5, 0.75),
        Point("stage/loss", 10, 0.25),
        Point("episodes/running_accuracy", 0, 1.0),
    ]


def test_parameters_say_what_was_asked_for(tmp_path: Path) -> None:
    declared = {"parameters": {"k": 3}}
    run = write_run(tmp_path, "toy", [60], declared=declared, dataset="shapes", seed=7)
    found = parameters(run.manifest)
    assert found["dataset"] == "shapes"
    assert (found["seed"], found["budget"], found["method.k"]) == ("7", "quick", "3")
    assert found["protocol"] == "5way-1shot-15query"
    assert name_of(run) == f"shapes/5way-1shot-15query/{run.path.name}"


def test_without_its_variable_a_tracker_does_nothing(
    tracker: Tracker, logs: list[Recorded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    run = SimpleNamespace(path=tmp_path)  # of which nothing else may be asked
    tracker.start(run)
    tracker.score(run, row(0, 1.0))
    tracker.finish(run)
    assert logs == []


def test_a_library_that_is_not_there_is_one_sentence_with_its_cure(
    logs: list[Recorded], tmp_path: Path
) -> None:
    def begin(*_: object) -> Recorded:
        raise ModuleNotFoundError("No module named 'toylog'", name="toylog")

    run = stored(tmp_path, [60])
    tracker = Tracker(VARIABLE, "toy", begin)
    expected = rf"{VARIABLE} is set but toylog is not installed; install benchbench\[toy\]"
    with pytest.raises(BenchbenchError, match=expected):
        tracker.start(run)
    tracker.score(run, row(0, 1.0))
    tracker.finish(run)


BROKEN = f"""
from benchbench.registry.hookspecs import hookimpl
from benchbench.results.trackers.tracking import Tracker

class Full:
    def __init__(self, *_): pass
    def write(self, points): raise OSError("No space left on device")
    def close(self, results, finished): raise AssertionError("it was given up")

tracker = Tracker("{VARIABLE}", "toy", Full)

@hookimpl
def run_started(run): tracker.start(run)
@hookimpl
def episode_scored(run, record): tracker.score(run, record)
@hookimpl
def run_finished(run): tracker.finish(run)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with pretended(tmp_path, monkeypatch) as installation:
        yield installation


def test_a_log_that_cannot_be_written_is_told_once_and_harms_no_run(
    installed: Installation, logs: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    installed.extra("full", BROKEN)
    run = stored(tmp_path / "results", [60])
    with caplog.at_level(logging.WARNING, logger="benchbench"):
        loading.observer("run_started")(run=run)
        notify = loading.observer("episode_scored")
        for number in range(600):
            notify(run=run, record=row(number, 1.0))
        loading.observer("run_finished")(run=run)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "full of other failed in episode_scored: OSError: No space left on device" in told
