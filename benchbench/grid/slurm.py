"""`--engine slurm`: missing cells as job arrays; how they ended is read from the results folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from benchbench.errors import BenchbenchError
from benchbench.grid.bundle import left
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.grid.forecast import Forecast
from benchbench.grid.slurm_queue import Submission, Task, queued
from benchbench.grid.slurm_resources import resource_table
from benchbench.grid.slurm_submission import Wishes, submit
from benchbench.registry.bounds import Bounds
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say
from benchbench.system.texts import counted

ON_THE_COMMAND_LINE = ("partition", "time", "memory", "cpus", "gpus")
"""Resources that the engine's spec may give, in place of those of all cells in the file."""


class Place(NamedTuple):
    """Where a cell is computed: its task, and its number in that."""

    submission: Submission
    task: Task
    number: int

    @property
    def file(self) -> Path:
        """The file that its outcome is left in."""
        return self.submission.file(self.task, self.number)


@dataclass
class Slurm(GridEngine):
    """A cluster under SLURM, from a machine that can submit jobs and sees the same folders.

    file: TOML with a table [slurm], which docs/cluster.md explains; it may be any file with one.
    partition, time (minutes, or 2:00:00), memory (8G), cpus, gpus: of each task.
    bundle: minutes that several small cells may take together in one task.
    tasks: how many of an array that run at the same time.
    restarts: how often a task that is out of time is queued again.
    poll: seconds between two looks at the queue.

    Jobs go on when this command ends; the same command waits for them, `cancel` ends them.
    """

    name: ClassVar[str] = "slurm"
    argument: ClassVar[str] = "file"
    file: str = ""
    partition: str = ""
    time: str = ""
    memory: str = ""
    cpus: Annotated[int, Bounds(ge=1)] | None = None
    gpus: Annotated[int, Bounds(ge=0)] | None = None
    bundle: Annotated[float, Bounds(ge=0)] = 30.0
    tasks: Annotated[int, Bounds(ge=1)] = 256
    restarts: Annotated[int, Bounds(ge=0)] = 10
    poll: Annotated[float, Bounds(gt=0)] = 5.0

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in ON_THE_COMMAND_LINE}
        named = {name: value for name, value in given.items() if value not in ("", None)}
        self.resources = resource_table(self.file, named)

    def at_once(self) -> int:
        return self.tasks

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        out = Path(cells[0].out)
        waiting = self._adopted(cells, out)
        missing = [cell for cell in cells if cell not in waiting]
        if missing:
            waiting |= self._submitted(missing, out)
        try:
            yield from self._awaited(waiting, out)
        finally:
            if waiting:
                say(
                    f"{counted(len(waiting), 'cell')} left with SLURM; the same command waits for "
                    f"them, `benchbench cancel {out}` ends them"
                )

    def _submitted(self, cells: Sequence[Cell], out: Path) -> dict[Cell, Place]:
        submission = Submission.new(out)
        wish = Wishes(self.bundle, self.tasks, self.restarts)
        arrays = submit(cells, submission, self.resources, Forecast(out).seconds_of_its_like, wish)
        tasks = submission.tasks
        say(
            f"{counted(len(cells), 'cell')} in SLURM as {counted(len(tasks), 'task')} of "
            f"{counted(arrays, 'array')}, {submission.job_name}; logs: {submission.logs}"
        )
        return {
            cell: Place(submission, task, number)
            for task in tasks
            for number, cell in enumerate(task.cells)
        }

    def _adopted(self, cells: Sequence[Cell], out: Path) -> dict[Cell, Place]:
        """Cells that a command of before has put into the queue, where they still are."""
        submissions = Submission.all(out)
        if not submissions:
            return {}
        alive = queued([one.job_name for one in submissions])
        if alive is None:
            raise BenchbenchError("SLURM's squeue does not answer; run the command again later.")
        asked = {_told_apart(cell): cell for cell in cells}
        found: dict[Cell, Place] = {}
        for submission in submissions:
            for task in submission.tasks:
                if not is_alive(task, alive[submission.job_name]):
                    continue
                for number, cell in enumerate(task.cells):
                    place = Place(submission, task, number)
                    if (own := asked.get(_told_apart(cell))) and not place.file.exists():
                        found[own] = place
        if found:
            say(f"{counted(len(found), 'cell')} in SLURM already, from a command of before")
        return found

    def _awaited(self, waiting: dict[Cell, Place], out: Path) -> Iterator[tuple[Cell, Outcome]]:
        """Take cells out of `waiting` as they end, or as their jobs are seen to have ended."""
        doubted: set[Task] = set()
        while waiting:
            for cell, outcome in _ended(waiting, out):
                del waiting[cell]
                yield cell, outcome
            alive = queued(list({place.submission.job_name for place in waiting.values()}))
            if not waiting or alive is None:
                time.sleep(self.poll if waiting else 0)
                continue
            for cell, place in list(waiting.items()):
                # A file that was written on another machine may show later than the job's end.
                if place.task in doubted and not place.file.exists():
                    del waiting[cell]
                    yield cell, _lost(cell, place)
            gone = [
                p.task
                for p in waiting.values()
                if not is_alive(p.task, alive[p.submission.job_name])
            ]
            doubted = set(gone)
            time.sleep(self.poll)


def is_alive(task: Task, jobs: dict[str, str]) -> bool:
    """Whether the jobs of its submission that SLURM has not ended may include a task's."""
    return task.job in jobs if task.job else bool(jobs)


def _told_apart(cell: Cell) -> Cell:
    """What tells cells apart of which one result is enough."""
    return replace(cell, command=(), label="", shares="")


def _ended(waiting: dict[Cell, Place], out: Path) -> list[tuple[Cell, Outcome]]:
    """The cells whose outcomes have been left, with these."""
    folders = {place.submission.outcomes for place in waiting.values()}
    there = {folder / name for folder in folders if folder.is_dir() for name in os.listdir(folder)}
    found = []
    for cell, place in waiting.items():
        if place.file in there:
            outcome = left(place.file, out)
            found.append((cell, replace(outcome, method=cell.name)))
    return found


def _lost(cell: Cell, place: Place) -> Outcome:
    log = place.submission.log(place.task)
    return Outcome(
        cell.name,
        "failed",
        f"SLURM ended job {place.task.job or place.submission.job_name} before it was done "
        f"(log: {log}); the same command goes on from there",
    )
