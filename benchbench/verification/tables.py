"""Writing what the episodes of older runs were drawn from, where their data is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchbench.datasets.opening import open_problems
from benchbench.errors import BenchbenchError
from benchbench.metrics import facts_of, known_metric
from benchbench.runs.class_tables import ClassTables
from benchbench.runs.directory import RunDirectory
from benchbench.samplers.class_table import ClassTable
from benchbench.system.places import Places
from benchbench.system.progress import say


def write_tables(runs: Iterable[RunDirectory], places: Places) -> None:
    """Write the tables that are missing; what cannot be written is said, once for a data set."""
    tried: set[str] = set()
    for run in runs:
        manifest = run.manifest
        nested = "source" in manifest["dataset"]
        tables = ClassTables.above(run.path, depth=4 if nested else 3)
        if run.status != "finished" or _has_all(tables, manifest["identity"]):
            continue
        if manifest["dataset"]["name"] in tried:
            continue
        tried.add(manifest["dataset"]["name"])
        try:
            _write(manifest["dataset"]["name"], tables, places)
        except BenchbenchError as error:
            say(f"no table of {manifest['dataset']['name']}: {error}")


def _has_all(tables: ClassTables, identity: dict[str, Any]) -> bool:
    """Whether there is a table, and it knows the seen classes where a metric asks for them."""
    table = tables.of_run(identity)
    asked = [metric for name in identity["metrics"] if (metric := known_metric(name))]
    return bool(table) and not (
        table and table.seen is None and any(facts_of(metric).of_seen for metric in asked)
    )


def _write(dataset: str, tables: ClassTables, places: Places) -> None:
    for problem in open_problems(dataset, places):
        tables.keep(ClassTable.of(problem.test))
        if problem.test.fixed_episodes is not None:
            tables.keep_episodes(problem.test.fixed_episodes)
        say(f"wrote what the episodes of {problem.spec} are drawn from to {tables.folder}")
