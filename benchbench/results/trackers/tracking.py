"""What every tracker logs of a run, and when; a tracker itself only writes it down."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from benchbench.errors import BenchbenchError
from benchbench.registry.hookspecs import hookimpl

if TYPE_CHECKING:
    from benchbench.runs.directory import RunDirectory

POINTS_HELD = 100
"""Points that wait until they are written together, as many as rows wait in a run directory."""

FACTS = ("protocol", "episode_seed", "seed", "budget", "device")
"""Entries of a run's identity that are logged as parameters, beside those of the method."""


class Point(NamedTuple):
    """One number of a curve."""

    name: str
    step: int
    value: float


class Log(Protocol):
    """Where a tracker writes one run."""

    def write(self, points: list[Point]) -> None:
        """Add points to their curves."""

    def close(self, results: dict[str, float], finished: bool) -> None:
        """Add the final figures, of which a failed run has none, and end the log."""


OpenLog = Callable[[str, "RunDirectory", dict[str, str]], Log]
"""Begins or continues the log of a run: the place, the run and its parameters."""


class Tracker:
    """Follows runs while the environment variable is set; without it, it does nothing.

    extra: the extra of benchbench that brings the tracker's library. A log that raises is given up,
    so that a run with a broken one is told of it once. A plug-in's module has `start`, `score` and
    `finish` as its `run_started`, `episode_scored` and `run_finished`.
    """

    def __init__(self, variable: str, extra: str, open_log: OpenLog) -> None:
        self._variable, self._extra, self._open_log = variable, extra, open_log
        self._followed: dict[Path, _Followed] = {}

    @hookimpl
    def start(self, run: RunDirectory) -> None:
        """Begin a log. Raises BenchbenchError if the tracker's library is not installed."""
        place = os.environ.get(self._variable)
        if not place:
            return
        try:
            log = self._open_log(place, run, parameters(run.manifest))
        except ModuleNotFoundError as error:
            raise BenchbenchError(
                f"{self._variable} is set but {error.name} is not installed; install "
                f"benchbench[{self._extra}], or unset it."
            ) from error
        self._followed[run.path] = _Followed(run, log)

    @hookimpl
    def score(self, run: RunDirectory, record: dict[str, Any]) -> None:
        """Log an episode, and the training before the first of them."""
        if followed := self._followed.get(run.path):
            with self._given_up_if_it_raises(run):
                followed.score(record)

    @hookimpl
    def finish(self, run: RunDirectory) -> None:
        """Log the final figures."""
        if followed := self._followed.pop(run.path, None):
            followed.finish()

    @contextmanager
    def _given_up_if_it_raises(self, run: RunDirectory) -> Iterator[None]:
        try:
            yield
        except Exception:
            del self._followed[run.path]
            raise


class _Followed:
    """A run and its log; holds the sum of the accuracies so far."""

    def __init__(self, run: RunDirectory, log: Log) -> None:
        self.run, self.log = run, log
        self.points: list[Point] = []
        self.begun = False
        self.sum = 0.0

    def score(self, record: dict[str, Any]) -> None:
        number = int(record["episode"])
        if not self.begun:
            self._begin(number)
        self.sum += float(record["accuracy"])
        self.points.append(Point("episodes/running_accuracy", number, self.sum / (number + 1)))
        if len(self.points) >= POINTS_HELD:
            self._write()

    def _begin(self, scored: int) -> None:
        """Log the training, or count the episodes of an earlier process, which has logged it."""
        self.begun = True
        if scored:
            self.sum = sum(float(row["accuracy"]) for row in self.run.records(scored))
        else:
            self.log.write(training_points(self.run.path))

    def _write(self) -> None:
        points, self.points = self.points, []
        self.log.write(points)

    def finish(self) -> None:
        self._write()
        finished = self.run.status == "finished"
        self.log.close(results(self.run) if finished else {}, finished)


def parameters(manifest: dict[str, Any]) -> dict[str, str]:
    """What was asked for, by name: the method, what it is tested on, and the machine's share."""
    identity, method = manifest["identity"], manifest["method"]
    own = {f"method.{name}": value for name, value in method["parameters"].items()}
    facts = {name: identity[name] for name in FACTS if name in identity}
    threads = manifest.get("compute", {}).get("threads")
    found = {
        "method": method["spec"],
        "dataset": manifest["dataset"]["name"],
        **({"source": source} if (source := manifest["dataset"].get("source")) else {}),
        **facts,
        **({"threads": threads} if threads else {}),
        **own,
    }
    return {name: str(value) for name, value in found.items()}


def training_points(run: Path) -> list[Point]:
    """The loss and the validation accuracy of each stage of a run's own training, by step."""
    points = []
    for file in sorted((run / "training").glob("*.json")):
        for entry in json.loads(file.read_text(encoding="utf-8")).get("log", ()):
            for name in ("loss", "validation"):
                if entry[name] is not None:
                    points.append(Point(f"{file.stem}/{name}", entry["step"], entry[name]))
    return points


def results(run: RunDirectory) -> dict[str, float]:
    """The final figures of a finished run: accuracy in [0, 1], half-widths of its 95 % intervals,
    and its cost; what cannot be estimated is left out.
    """
    from benchbench.results.entries import Entry
    from benchbench.results.outcomes import numbers
    from benchbench.results.stored import read_result

    found = numbers(Entry("", (read_result(run),))) | run.manifest["cost"]
    return {name: float(value) for name, value in found.items() if value is not None}


def name_of(run: RunDirectory) -> str:
    """The run's folder below the results folder, with slashes."""
    root = run.shared.parent if run.shared else run.path.parents[2]
    return run.path.relative_to(root).as_posix()
