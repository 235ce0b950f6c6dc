"""Several cells that one task of a cluster computes in turn, each outcome a file of its own."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbench.errors import reason_of
from benchbench.grid.cell import Cell
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome
from benchbench.runs.weights import SHARED
from benchbench.system.files import whole_file
from benchbench.system.progress import say

ENDING = tuple(
    number for name in ("SIGTERM", "SIGUSR2") if (number := getattr(signal, name, None)) is not None
)
"""How a cluster tells that a task is about to be ended: because it is cancelled, or out of time."""


class Interrupted(BaseException):
    """The cluster ends the task; like KeyboardInterrupt, no run has failed by it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Bundle:
    """Cells in turn; outcomes go to `folder`, as `outcome_file` names them.

    task: its number among those of a submission. cells: as `Cell.to_json`. It may be called again
    after it was interrupted: what is stored is not computed again, and a training resumes from its
    last checkpoint.
    """

    folder: str
    task: int
    cells: tuple[str, ...]

    def __call__(self) -> None:
        with _ended_by_signals():
            for place, text in enumerate(self.cells):
                outcome = _computed(Cell.from_json(text))
                say(f"{outcome.method}: {outcome.status} {outcome.reason}".rstrip())
                leave(outcome, outcome_file(Path(self.folder), self.task, place))

    def checkpoint(self) -> Any:
        """What `submitit` submits again when the time is over: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _computed(cell: Cell) -> Outcome:
    from benchbench.grid.computing import compute_cell

    try:
        return compute_cell(cell)
    except Exception as error:
        return Outcome(cell.name, "failed", reason_of(error))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A block that a signal of `ENDING` leaves as Ctrl-C would: with all rows written.

    Only then comes the handler that was there before, by which `submitit` queues the task again.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        signal.signal(number, _interrupt)
    try:
        yield
    except Interrupted as interruption:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        handler = before[interruption.number]
        if callable(handler):
            handler(interruption.number, None)
        raise SystemExit(128 + interruption.number) from interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted(number)


def outcome_file(folder: Path, task: int, place: int) -> Path:
    """Where the outcome of a task's cell goes."""
    return folder / f"{task}-{place}.json"


def leave(outcome: Outcome, file: Path) -> None:
    """Write an outcome, whole, with its run's absolute path."""
    values = {
        "method": outcome.method,
        "status": outcome.status,
        "reason": outcome.reason,
        "run": str(outcome.run.path.absolute()) if outcome.run else None,
        "busy": outcome.busy,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as partial:
        partial.write_text(json.dumps(values), encoding="utf-8")


def left(file: Path, root: Path) -> Outcome:
    """The outcome that was left in a file; root: the results folder, as typed.

    Raises OSError or ValueError if there is none.
    """
    values = json.loads(file.read_text(encoding="utf-8"))
    run = values.pop("run")
    if run and Path(run).is_relative_to(root.absolute()):
        run = root / Path(run).relative_to(root.absolute())
    shared = root / SHARED
    return Outcome(**values, run=RunDirectory(Path(run), shared=shared) if run else None)
