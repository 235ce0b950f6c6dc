"""A grid from what is wanted to outcomes: what is stored is read, and the rest is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing

from benchbench.grid.bench import Bench
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.grid.planning import Plan, planned
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say


def run_cells(
    cells: Sequence[Cell], bench: Bench, engine: GridEngine, retry: bool
) -> dict[Cell, Outcome]:
    """The outcome of every cell, in their order; failures are said as they come.

    Raises BenchbenchError for what ends all cells.
    """
    plan = planned(cells, bench, retry)
    _say_plan(plan)
    _say_failures(plan.settled.values())
    missing = plan.missing(cells)
    outcomes = dict(plan.settled)
    if missing:
        with closing(engine.compute(missing)) as computed:
            for cell, outcome in computed:
                outcomes[cell] = outcome
                _say_failures([outcome])
    return {cell: outcomes[cell] for cell in cells}


def _say_plan(plan: Plan) -> None:
    for cell, outcome in plan.settled.items():
        if outcome.status == "finished":
            say(f"{cell.name}: stored in {plan.paths[cell]}")
    if plan.left:
        what = "method has" if plan.left == 1 else "cells have"
        say(f"{plan.left} {what} failed before and is not tried again without --retry")


def _say_failures(outcomes: Iterable[Outcome]) -> None:
    """Say which methods failed, why, and where the traceback is."""
    for outcome in outcomes:
        if outcome.status == "failed":
            traceback = outcome.run.path / "error.txt" if outcome.run else None
            where = f" (traceback: {traceback})" if traceback and traceback.exists() else ""
            say(f"{outcome.method} failed: {outcome.reason}{where}")
