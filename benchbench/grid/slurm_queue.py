"""What a results folder has in SLURM's queue: a record of its tasks, and what `squeue` says.

`squeue` and `scancel` know what is queued without the accounting that `sacct` needs, which many
clusters do not have; how a cell ended is told by the file that its task leaves.
"""

from __future__ import annotations

import getpass
import json
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchbench.errors import BenchbenchError
from benchbench.grid.bundle import outcome_file
from benchbench.grid.cell import Cell
from benchbench.system.files import whole_file

FOLDER = ".slurm"
"""In a results folder; each command that submits has a folder in it."""

JOB = "benchbench-"
"""What the names of jobs begin with, before that of their submission."""

COMMAND_SECONDS = 60


@dataclass(eq=False)
class Task:
    """One task of an array: its number in the submission, its cells, and SLURM's name for it."""

    number: int
    cells: tuple[Cell, ...]
    job: str = ""


@dataclass(eq=False)
class Submission:
    """What one command has submitted; `folder` is its own, with logs and outcomes."""

    folder: Path
    tasks: list[Task] = field(default_factory=list)

    @classmethod
    def new(cls, out: Path) -> Submission:
        """An empty one, in a folder that is made."""
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = out / FOLDER / f"{now}-{secrets.token_hex(2)}"
        folder.mkdir(parents=True)
        return cls(folder)

    @classmethod
    def all(cls, out: Path) -> list[Submission]:
        """All of a results folder, the oldest first; one that cannot be read is left out."""
        found = []
        for file in sorted((out / FOLDER).glob("*/tasks.json")):
            try:
                tasks = json.loads(file.read_text(encoding="utf-8"))
                read = [Task(n, tuple(map(Cell.from_json, t["cells"])), t["job"]) for n, t in tasks]
            except (OSError, ValueError, KeyError, TypeError, BenchbenchError):
                continue
            found.append(cls(file.parent, read))
        return found

    @property
    def job_name(self) -> str:
        """The name of its jobs, which no other submission has."""
        return JOB + self.folder.name

    @property
    def outcomes(self) -> Path:
        """The folder in which tasks leave outcomes."""
        return self.folder / "outcomes"

    @property
    def logs(self) -> Path:
        """The folder of what tasks print."""
        return self.folder / "logs"

    def add(self, cells: Sequence[Cell]) -> Task:
        """Another task."""
        self.tasks.append(Task(len(self.tasks), tuple(cells)))
        return self.tasks[-1]

    def save(self) -> None:
        """Write down what there is, so that another process finds it."""
        values = [
            (task.number, {"job": task.job, "cells": [cell.to_json() for cell in task.cells]})
            for task in self.tasks
        ]
        with whole_file(self.folder / "tasks.json") as partial:
            partial.write_text(json.dumps(values), encoding="utf-8")

    def file(self, task: Task, place: int) -> Path:
        """The file of a cell's outcome."""
        return outcome_file(self.outcomes, task.number, place)

    def log(self, task: Task) -> Path:
        """The file of what a task prints."""
        return self.logs / f"{task.job}_0_log.out"


def queued(names: Sequence[str]) -> dict[str, dict[str, str]] | None:
    """The jobs that SLURM has not ended, by the name of their submission: states by job.

    None if SLURM does not answer now. Raises BenchbenchError if there is no SLURM here.
    """
    user = getpass.getuser()
    done = _run("squeue", "--noheader", "--array", f"--user={user}", "--format=%i %T %j")
    if done.returncode:
        return None
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for line in done.stdout.splitlines():
        job, state, name = line.split(maxsplit=2)
        if name in found:
            found[name][job] = state
    return found


def states(out: Path) -> dict[str, str]:
    """The jobs of a results folder that SLURM has not ended, with their states in lower case.

    Raises BenchbenchError if there are submissions, and SLURM is not here or does not answer.
    """
    names = [submission.job_name for submission in Submission.all(out)]
    if not names:
        return {}
    found = queued(names)
    if found is None:
        raise BenchbenchError("SLURM's squeue does not answer; run the command again later.")
    return {job: state.lower() for jobs in found.values() for job, state in jobs.items()}


def cancel(name: str) -> None:
    """End all jobs of a name. Raises BenchbenchError if SLURM refuses."""
    done = _run("scancel", f"--name={name}", f"--user={getpass.getuser()}")
    if done.returncode:
        raise BenchbenchError(f"scancel failed: {' '.join(done.stderr.split())}")


def _run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command) is None:
        raise BenchbenchError(f"There is no SLURM here: {command} is not found.")
    asked = [command, *arguments]
    try:
        return subprocess.run(
            asked, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(asked, 1, "", "it does not answer")
