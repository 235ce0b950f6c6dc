"""`benchbench run`."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchbench.cli.tables import Tested, tell_tables
from benchbench.datasets.base import OpenDataset
from benchbench.datasets.integrity.contamination import judge
from benchbench.engine.supervisor import EPISODE_SECONDS, Isolation, run_cells
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.evaluation.job import Settings
from benchbench.learners.creation import create_methods
from benchbench.method import Method, Task
from benchbench.metrics import find_metrics
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import Store
from benchbench.samplers.drawing import Drawing
from benchbench.system.compute import configure
from benchbench.system.places import Places
from benchbench.system.progress import say
from benchbench.training.budget import Budget


def run_command(
    *,
    methods: str,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    episodes: str,
    episode_seed: int,
    seed: int,
    budget: str,
    metrics: str,
    out: Path,
    device: str,
    threads: int | None,
    fast: bool,
    engine: str,
    timeout: float | None,
    training_timeout: float | None,
    audit: bool | None,
    **sampling: int | str | None,
) -> int:
    """Run the methods and print their table; 1 where one of them failed, else 0.

    sampling: options of the sampler, None where not given.

    Raises BenchbenchError before anything runs where the request cannot be carried out.
    """
    if engine == "inline" and (timeout or training_timeout):
        raise BenchbenchError(
            "--timeout and --training-timeout need --engine worker: a process cannot stop itself."
        )
    create_methods(methods)
    settings = Settings(
        seed=seed,
        budget=Budget.parse(budget),
        metrics=find_metrics(metrics),
        audit=None if audit is False else _audit,
        audit_stored=bool(audit),
    )
    store = Store(out)
    store.check()
    settings.compute = configure(device, threads, fast)
    places = Places.find(data_root)
    isolation = Isolation(
        *("", places, device, threads, fast),
        timeout or EPISODE_SECONDS,
        training_timeout or math.inf,
    )
    drawing = Drawing(sampler, sampling, episodes, episode_seed)
    settings.sampler = drawing.sampler_made()
    tested = []
    for source, opened, frozen in drawing.opened(dataset, places):
        _tell_task(opened, frozen)
        cells = run_cells(
            *(create_methods(methods), opened, frozen, store, settings),
            replace(isolation, dataset=source) if engine == "worker" else None,
            meanwhile=lambda: importlib.import_module("benchbench.results.leaderboard"),
        )
        tested.append(Tested(opened, frozen, cells))
        _tell_failures(cells)
    tell_tables(tested)
    return int(any(cell.status == "failed" for one in tested for cell in one.cells))


def _tell_task(dataset: OpenDataset, episodes: EpisodeSet) -> None:
    name = dataset.source or dataset.name
    say(f"{name}: {len(episodes)} episodes {episodes.protocol}, sha256 {episodes.sha256[:16]}")
    _tell_shared_classes(dataset)


def _tell_shared_classes(dataset: OpenDataset) -> None:
    """Say so where another source that is learnt from is known to have test classes of this one."""
    members = dataset.training.members if dataset.training else None
    for member in members or ():
        verdict = judge([member.partition("[")[0]], dataset.subject)
        if member != dataset.source and verdict.level in ("classes", "images"):
            say(
                f"{dataset.source} is no unseen data where {member} was learnt from: "
                f"{verdict.reason} `benchbench data verify` compares the pictures."
            )


def _audit(method: Method, dataset: OpenDataset, task: Task) -> dict[str, Any]:
    from benchbench.conformance import short_audit

    return short_audit(method, dataset, task)


def _tell_failures(cells: list[Outcome]) -> None:
    for cell in cells:
        if cell.status == "failed":
            traceback = cell.run.path / "error.txt" if cell.run else None
            where = f" (traceback: {traceback})" if traceback and traceback.exists() else ""
            say(f"{cell.method} failed: {cell.reason}{where}")
