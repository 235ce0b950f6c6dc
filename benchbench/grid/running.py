"""A grid from what is wanted to outcomes: what is stored is read, and the rest is computed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchbench.grid.bench import Bench
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.grid.forecast import Progress
from benchbench.grid.planning import Plan, planned
from benchbench.grid.sharing import Claiming, shard_of
from benchbench.grid.wanted import Wanted, folder_within, write_wanted
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say, state_line


@dataclass(frozen=True)
class Manner:
    """How a grid is gone through.

    retry: compute what has failed before. shard: (i, n) for one of several commands, or None.
    claim: leave to others what they are at. is_grid: whether progress is told, and the wanted cells
    are kept for `benchbench status`.
    """

    retry: bool = False
    shard: tuple[int, int] | None = None
    claim: bool = False
    is_grid: bool = True


def run_cells(
    cells: Sequence[Cell], bench: Bench, engine: GridEngine, manner: Manner
) -> dict[Cell, Outcome]:
    """The outcomes of the cells that are this command's, in their order; failures are said.

    Raises BenchbenchError for what ends all cells.
    """
    plan = planned(cells, bench, manner.retry)
    if manner.is_grid:
        _keep_wanted(cells, plan, bench)
    mine = shard_of(cells, *manner.shard) if manner.shard else list(cells)
    if manner.shard:
        say(f"shard {manner.shard[0]} of {manner.shard[1]} has {len(mine)} of {len(cells)} cells")
    _say_plan(mine, plan, manner)
    outcomes = {cell: plan.settled[cell] for cell in mine if cell in plan.settled}
    missing = plan.missing(mine)
    if missing:
        if manner.claim:
            engine = Claiming(engine, plan.paths, manner.retry)
        outcomes |= _computed(missing, engine, len(outcomes), manner)
    return {cell: outcomes[cell] for cell in mine}


def _computed(
    missing: list[Cell], engine: GridEngine, settled: int, manner: Manner
) -> dict[Cell, Outcome]:
    progress = Progress(missing, settled, engine.at_once(), Path(missing[0].out))
    if said := engine.described():
        say(said)
    outcomes = {}
    shown = manner.is_grid and not engine.shows_cells
    with state_line("cells", progress.total, settled, shown) as tell:
        if manner.is_grid:
            tell(progress.begun(), settled, progress.remark(None))
        computed = engine.compute(missing)
        try:
            for cell, outcome in computed:
                outcomes[cell] = outcome
                _say_failure(cell, outcome, manner)
                line = progress.ended(cell, outcome, engine.memory_bytes())
                if manner.is_grid:
                    tell(line, progress.done, progress.remark(engine.running()))
        finally:
            if isinstance(computed, Generator):
                computed.close()
    busy = sum(outcome.busy for outcome in outcomes.values())
    if busy and manner.is_grid:
        some = "1 cell is" if busy == 1 else f"{busy} cells are"
        say(f"{some} being computed by another command; --claim waits for it")
    return outcomes


def _keep_wanted(cells: Sequence[Cell], plan: Plan, bench: Bench) -> None:
    """Keep what is wanted for `benchbench status`, but for what methods decline.

    A folder that is read-only goes without.
    """
    root = Path(cells[0].out)
    wanted = [
        Wanted(cell, folder_within(root, plan.paths[cell]), len(bench.task(cell)[1]))
        for cell in cells
        if cell in plan.paths and not plan.declines(cell)
    ]
    with suppress(OSError):
        write_wanted(root, wanted)


def _say_plan(cells: Sequence[Cell], plan: Plan, manner: Manner) -> None:
    settled = [(cell, plan.settled[cell]) for cell in cells if cell in plan.settled]
    stored = [cell for cell, outcome in settled if outcome.status == "finished"]
    if manner.is_grid and stored:
        say(f"{len(stored)} of {len(cells)} cells are stored")
    else:
        for cell in stored:
            say(f"{cell.name}: stored in {plan.paths[cell]}")
    left = [cell for cell, _ in settled if cell in plan.left]
    if left:
        some = "1 cell has" if len(left) == 1 else f"{len(left)} cells have"
        say(f"{some} failed before; --retry computes {'it' if len(left) == 1 else 'them'} again")
    for cell, outcome in settled:
        _say_failure(cell, outcome, manner)


def _say_failure(cell: Cell, outcome: Outcome, manner: Manner) -> None:
    """If it has failed, say which method did, why, and where the traceback is."""
    if outcome.status == "failed":
        traceback = outcome.run.path / "error.txt" if outcome.run else None
        where = f" (traceback: {traceback})" if traceback and traceback.exists() else ""
        say(f"{cell if manner.is_grid else cell.name} failed: {outcome.reason}{where}")
