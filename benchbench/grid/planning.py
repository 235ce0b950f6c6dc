"""Which cells need computing: not those that are stored, nor those that have failed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchbench.errors import reason_of
from benchbench.grid.bench import Bench
from benchbench.grid.cell import Cell
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome


@dataclass
class Plan:
    """What is known of a grid's cells before any is computed.

    settled: the outcomes of those that are not computed. paths: where each is stored, as typed.
    left: the settled ones that have failed before.
    """

    settled: dict[Cell, Outcome] = field(default_factory=dict)
    paths: dict[Cell, str] = field(default_factory=dict)
    left: set[Cell] = field(default_factory=set)

    def missing(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells to compute, in their order."""
        return [cell for cell in cells if cell not in self.settled]

    def declines(self, cell: Cell) -> bool:
        """Whether the cell's method does not apply to its task."""
        return cell in self.settled and self.settled[cell].status == "skipped"


def planned(cells: Sequence[Cell], bench: Bench, retry: bool) -> Plan:
    """Look at each cell's run directory; its method must have its place in the bench's engine.

    retry: compute those that have failed.
    """
    plan = Plan()
    for cell in cells:
        job = bench.job(cell, bench.engine(cell).admitted(cell.method))
        outcome = job.settled()
        try:
            plan.paths[cell] = str(job.run.path)
            if outcome is None and not retry and _has_failed(job.run):
                plan.left.add(cell)
                reason = str(job.run.manifest.get("reason", ""))
                outcome = Outcome(cell.name, "failed", reason, job.run)
        except Exception as error:
            outcome = outcome or Outcome(cell.name, "failed", reason_of(error))
        if outcome is not None:
            plan.settled[cell] = outcome
    return plan


def _has_failed(run: RunDirectory) -> bool:
    """Whether it has failed, and nobody is trying it again at this moment."""
    return run.status == "failed" and not run.is_running()
