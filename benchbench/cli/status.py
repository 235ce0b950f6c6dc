"""`benchbench status`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbench.cli.options import FILE, results_argument
from benchbench.errors import BenchbenchError
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.grid.expansion import Grid
    from benchbench.grid.status import State


@click.command()
@results_argument
@click.option(
    "--config", type=FILE, help="A grid's file: what it wants is told, not what was last begun."
)
def status(results: tuple[Path, ...], config: Path | None) -> None:
    """Tell what of a grid is done, running, failed or missing.

    RESULTS are folders of runs, by default `results`. What is missing is known of the last grid
    that was begun there, or of the one of --config.
    """
    grid = _grid(config) if config else None
    for root in results:
        click.echo("\n".join(map(legible, _lines(root, grid))))


def _lines(root: Path, grid: Grid | None) -> list[str]:
    from benchbench.grid.status import (
        DONE,
        KINDS,
        states_of_grid,
        states_of_runs,
        states_of_wanted,
    )
    from benchbench.grid.wanted import read_wanted

    if not root.is_dir() and grid is None:
        raise BenchbenchError(f"There is no folder {root}; `benchbench run` makes results.")
    wanted = read_wanted(root)
    if grid is not None:
        cells, others = states_of_grid(root, grid, wanted), []
    elif wanted:
        cells, others = states_of_wanted(root, wanted), states_of_runs(root, wanted)
    else:
        cells, others = states_of_runs(root), []
    what = "cells" if grid or wanted else "runs"
    lines = [f"{root}: {len(cells)} {what}: {_counted(cells)}"]
    if others:
        some = "1 run" if len(others) == 1 else f"{len(others)} runs"
        lines.append(f"and {some} that its last grid did not want: {_counted(others)}")
    told = sorted((one for one in cells if one.kind != DONE), key=lambda o: KINDS.index(o.kind))
    if queue := _in_queue(root):
        lines.append(queue)
    width = max((len(one.kind) for one in told), default=0)
    for one in told:
        lines.append(f"  {one.kind:<{width}}  {one.what}{f': {one.reason}' if one.reason else ''}")
    return lines


def _in_queue(root: Path) -> str:
    """What SLURM has of a results folder, unless that is nothing or is not known here."""
    from benchbench.grid.slurm_queue import states

    try:
        counts = Counter(states(root).values())
    except BenchbenchError:
        return ""
    listed = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return f"in SLURM: {listed}" if listed else ""


def _counted(states: list[State]) -> str:
    from benchbench.grid.status import KINDS

    counts = Counter(one.kind for one in states)
    return ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "none"


def _grid(config: Path) -> Grid:
    from benchbench.cli.grids import grid_of
    from benchbench.cli.run import run

    context = run.make_context("run", ["--config", str(config)])
    return grid_of(context.params, "worker")
