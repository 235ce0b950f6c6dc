"""An observer: a line for each run, with the episodes that it saw, in a file beside the runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from benchbench import hookimpl

if TYPE_CHECKING:
    from benchbench.store import RunDirectory

scored: Counter[str] = Counter()


@hookimpl
def episode_scored(run: RunDirectory, record: dict[str, Any]) -> None:
    scored[str(run.path)] += record["n_query"] > 0


@hookimpl
def run_finished(run: RunDirectory) -> None:
    method, status = run.manifest["method"]["name"], run.manifest["status"]
    with (run.path / "thirdparty.log").open("a", encoding="utf-8") as file:
        file.write(f"{method} {status} {scored[str(run.path)]}\n")
