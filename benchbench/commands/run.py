"""`benchbench run`."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchbench import plugins, specs
from benchbench.backbones import backbone_arguments
from benchbench.commands.episodes import Drawing
from benchbench.commands.tables import Tested, tell_tables
from benchbench.compute import configure
from benchbench.contamination import judge
from benchbench.datasets.base import OpenDataset
from benchbench.engine import EPISODE_SECONDS, Isolation, run_cells
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.method import Method, Task
from benchbench.metrics import Metric
from benchbench.places import Places
from benchbench.progress import say
from benchbench.runner import Settings, sampler_of
from benchbench.source import Budget
from benchbench.store import COLUMNS as EPISODE_COLUMNS
from benchbench.store import Cell, Store


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
            meanwhile=lambda: importlib.import_module("benchbench.leaderboard"),
        )
        tested.append(Tested(opened, frozen, cells, sampler_of(frozen, settings)))
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


def create_methods(text: str) -> list[Method]:
    """The configured methods of a comma-separated list of specs, each once.

    A parameter named `backbone` holds the spec of one, which is looked up now.
    """
    methods: dict[str, Method] = {}
    for spec in map(specs.parse, specs.split_list(text)):
        method: Method = specs.configure(plugins.load("method", spec.name), spec)
        if isinstance(backbone := getattr(method, "backbone", None), str):
            backbone_arguments(backbone)
        methods[specs.text_of(method)] = method
    if not methods:
        raise BenchbenchError("No method is named; see `benchbench list methods`.")
    return list(methods.values())


def find_metrics(text: str) -> dict[str, Metric]:
    """The metrics of a comma-separated list; accuracy is always there and is left out."""
    found = {
        name: plugins.find("register_metrics", "metric", name)
        for name in specs.split_list(text)
        if name != "accuracy"
    }
    if found:
        from benchbench.leaderboard import COLUMNS, GROUP
    for name in found:
        if name in (*EPISODE_COLUMNS, *GROUP, *COLUMNS):
            raise BenchbenchError(f"The metric '{name}' has the name of another column.")
    return found


def _tell_failures(cells: list[Cell]) -> None:
    for cell in cells:
        if cell.status == "failed":
            traceback = cell.run.path / "error.txt" if cell.run else None
            where = f" (traceback: {traceback})" if traceback and traceback.exists() else ""
            say(f"{cell.method} failed: {cell.reason}{where}")
