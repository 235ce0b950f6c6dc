"""Which cells need computing: not those that are stored, nor those that have failed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchbench.errors import reason_of
from benchbench.grid.bench import Bench
from benchbench.grid.cell import Cell
from benchbench.runs.outcome import Outcome


@dataclass
class Plan:
    """What is known of a grid's cells before any is computed.

    settled: the outcomes of those that are not computed. paths: where each is stored, as typed.
    left: how many of the settled ones have failed before.
    """

    settled: dict[Cell, Outcome] = field(default_factory=dict)
    paths: dict[Cell, str] = field(default_factory=dict)
    left: int = 0

    def missing(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells to compute, in their order."""
        return [cell for cell in cells if cell not in self.settled]


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
            if outcome is None and job.run.status == "failed" and not retry:
                plan.left += 1
                reason = str(job.run.manifest.get("reason", ""))
                outcome = Outcome(cell.name, "failed", reason, job.run)
        except Exception as error:
            outcome = outcome or Outcome(cell.name, "failed", reason_of(error))
        if outcome is not None:
            plan.settled[cell] = outcome
    return plan
