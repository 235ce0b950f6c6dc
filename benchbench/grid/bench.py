"""What the cells that one process computes have in common, each opened once."""

from __future__ import annotations

import dataclasses
import math
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchbench.conformance.run_audit import audit_run
from benchbench.datasets.opening import open_problems, sources_of
from benchbench.datasets.problem import Problem
from benchbench.engine.base import Engine
from benchbench.engine.creation import create_engine
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.evaluation.job import Job
from benchbench.evaluation.settings import EPISODE_SECONDS, Limits, Settings
from benchbench.grid.cell import Cell
from benchbench.method import Task
from benchbench.metrics import OF_UNKNOWN, left_out
from benchbench.results.metric_columns import reportable_metrics
from benchbench.runs.method_card import MethodCard
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import Store
from benchbench.samplers.drawing import Drawing
from benchbench.system.compute import configure
from benchbench.system.library_paths import library_paths
from benchbench.system.places import Places
from benchbench.system.progress import say_once
from benchbench.training.budget import Budget

if TYPE_CHECKING:
    from benchbench.evaluation.contestant import Contestant

DRAWN = 64
"""Sets of episodes that stay in memory."""


class Bench(AbstractContextManager["Bench"]):
    """Opens data sets, draws episodes and gives methods their places, for one cell or many."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str | None], list[Problem]] = {}
        self._engines: dict[tuple[Any, ...], Engine] = {}
        self._cards: dict[str, MethodCard] = {}
        self._stack = ExitStack()
        self._drawn = lru_cache(DRAWN)(self._draw)

    def __exit__(self, *_: object) -> None:
        self._engines.clear()
        self._stack.close()

    def tested(self, cell: Cell) -> list[tuple[Problem, EpisodeSet]]:
        """The problem of the cell's data set, or those of a collection, with the test episodes.

        Raises BenchbenchError if one of them cannot be tested on.
        """
        drawn = cell.sampler, cell.sampling, cell.episodes, cell.episode_seed
        return self._drawn(cell.dataset, cell.data_root, *drawn)

    def _draw(
        self, dataset: str, data_root: str | None, *drawn: Any
    ) -> list[tuple[Problem, EpisodeSet]]:
        key, places = (dataset, data_root), Places.find(data_root)
        if key not in self._problems:
            self._problems[key] = open_problems(dataset, places)
        return _drawing(*drawn).of_all(self._problems[key], places)

    def task(self, cell: Cell) -> tuple[Problem, EpisodeSet]:
        """The cell's own problem and episodes."""
        tested = self.tested(cell)
        if not cell.source:
            return tested[0]
        for problem, episodes in tested:
            if problem.name == cell.source:
                return problem, episodes
        raise BenchbenchError(f"{cell.dataset} has no source '{cell.source}' here.")

    def engine(self, cell: Cell) -> Engine:
        """The engine in which the cell's method gets its place."""
        device = settings_of(cell).compute.device
        limits = Limits(cell.timeout or EPISODE_SECONDS, cell.training_timeout or math.inf)
        key = cell.engine, limits, device, cell.dataset, cell.data_root, cell.out
        if key not in self._engines:
            engine = create_engine(cell.engine, limits, device, _protected(cell))
            self._engines[key] = self._stack.enter_context(engine)
        return self._engines[key]

    def job(self, cell: Cell, contestant: Contestant | Known) -> Job:
        """The job that the cell is; one of a `Known` method is not to be executed."""
        problem, episodes = self.task(cell)
        asked = cast("Contestant", contestant)
        store = Store(Path(cell.out))
        settings = settings_of(cell)
        generalised = problem.test.seen is not None
        metrics = _metrics_of(settings.metrics, episodes, generalised)
        settings = dataclasses.replace(settings, metrics=metrics)
        return Job(asked, problem, episodes, store, settings, cell.label)

    def compute(self, cell: Cell) -> Outcome:
        """The outcome of a cell, as `computing.compute_cell`."""
        if known := self._known(cell):
            return known
        with self.engine(cell).contestant(cell.method) as contestant:
            self._cards[cell.method] = contestant.card
            job = self.job(cell, contestant)
            return job.settled() or job.execute(audit_run)

    def _known(self, cell: Cell) -> Outcome | None:
        """The outcome if another process has come to it or is at it; no method gets a place.

        That is not looked at for the first cell of a method.
        """
        if cell.method not in self._cards:
            return None
        job = self.job(cell, Known(self._cards[cell.method]))
        if job.run.is_running():
            return job.busy()
        return job.settled()


@dataclass(frozen=True)
class Known:
    """A method of which another place has said what it is; it declines no task."""

    card: MethodCard

    def skip(self, task: Task) -> None:
        return None


def settings_of(cell: Cell) -> Settings:
    """The cell's settings; this process computes accordingly from now on."""
    drawing = _drawing(cell.sampler, cell.sampling, cell.episodes, cell.episode_seed)
    return Settings(
        seed=cell.seed,
        budget=Budget.parse(cell.budget),
        compute=configure(cell.device, cell.threads, cell.fast),
        metrics=tuple(reportable_metrics(cell.metrics)),
        audit="missing" if cell.audit is None else "all" if cell.audit else "none",
        audit_seconds=cell.audit_seconds,
        sampler=drawing.sampler_made(),
        command=cell.command,
    )


def _metrics_of(names: tuple[str, ...], episodes: EpisodeSet, generalised: bool) -> tuple[str, ...]:
    """The metrics that say something of these episodes; those left out are named once.

    That of unknown queries is among them where there are some.
    """
    if episodes.has_unknown and OF_UNKNOWN not in names:
        names = (*names, OF_UNKNOWN)
    way, shot, _ = episodes.shape
    metrics = reportable_metrics(names)
    known = generalised, episodes.has_unknown
    reasons = {name: left_out(metric, way, shot, *known) for name, metric in metrics.items()}
    for name, reason in reasons.items():
        if reason:
            say_once(f"{name} is left out on {episodes.protocol}: {reason}")
    return tuple(name for name in names if not reasons[name])


def _drawing(sampler: str, sampling: Any, episodes: str, seed: int) -> Drawing:
    return Drawing(sampler, dict(sampling), episodes, seed)


def _protected(cell: Cell) -> tuple[Path, ...]:
    """The folders that no method may reach: of the images, but not those that Python needs."""
    places = Places.find(cell.data_root)
    if cell.engine == "inline":
        return ()
    needed = {above for path in library_paths() for above in (path, *path.parents)}
    sources = (path.resolve() for path in sources_of(cell.dataset, places))
    images = (path for path in sources if path not in needed)
    return places.data_root, places.cache, Path(cell.out), *images
