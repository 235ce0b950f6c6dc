"""Cells into job arrays, by `submitit`: an array for each kind of resources, and what must wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.grid.bundle import Bundle
from benchbench.grid.bundling import Seconds, bundles, first_and_rest
from benchbench.grid.cell import Cell
from benchbench.grid.slurm_queue import Submission, Task
from benchbench.grid.slurm_resources import Resources, ResourceTable


@dataclass(frozen=True)
class Wishes:
    """What a user may set besides resources; `slurm.Slurm` explains it."""

    bundle_minutes: float
    at_once: int
    restarts: int


def submit(
    cells: Sequence[Cell],
    submission: Submission,
    table: ResourceTable,
    seconds_of: Seconds,
    wish: Wishes,
) -> int:
    """Put the cells into SLURM's queue, and write down which task has which; how many arrays.

    Cells that wait for a training of others are in arrays that SLURM begins after those. Raises
    BenchbenchError if SLURM refuses; what is queued until then stays so, and is written down.
    """
    first, rest = first_and_rest(cells)
    makers: dict[str, Task] = {}
    arrays = 0
    for wave in (first, rest):
        for resources, group in _by_resources(wave, table).items():
            target = 60 * min(wish.bundle_minutes, resources.time / 2)
            tasks = [submission.add(bundle) for bundle in bundles(group, seconds_of, target)]
            awaited = sorted({makers[cell.shares].job for cell in group if cell.shares in makers})
            submission.save()
            try:
                _submit_array(tasks, submission, resources, awaited, wish)
            finally:
                submission.tasks = [task for task in submission.tasks if task.job]
                submission.save()
            arrays += 1
            if wave is first:
                makers |= {cell.shares: task for task in tasks for cell in task.cells}
        makers.pop("", None)
    return arrays


def _by_resources(cells: Sequence[Cell], table: ResourceTable) -> dict[Resources, list[Cell]]:
    groups: dict[Resources, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(table.of(cell), []).append(cell)
    return groups


def _submit_array(
    tasks: Sequence[Task],
    submission: Submission,
    resources: Resources,
    awaited: Sequence[str],
    wish: Wishes,
) -> None:
    parameters = resources.parameters()
    if awaited:
        # Whether or not they succeed: a cell whose maker has failed makes the training itself.
        parameters["dependency"] = "afterany:" + ":".join(awaited)
    executor = _executor(submission.logs, wish)
    executor.update_parameters(
        job_name=submission.job_name,
        array_parallelism=wish.at_once,
        stderr_to_stdout=True,
        **parameters,
    )
    folder = str(submission.outcomes.absolute())
    work = [Bundle(folder, t.number, tuple(cell.to_json() for cell in t.cells)) for t in tasks]
    try:
        jobs = executor.submit_array(work)
    except Exception as error:
        said = " ".join(str(error).split())
        raise BenchbenchError(f"SLURM refuses the job: {said}") from error
    for task, job in zip(tasks, jobs, strict=True):
        task.job = job.job_id


def _executor(logs: Path, wish: Wishes) -> Any:
    """Raises BenchbenchError if the library is missing, or SLURM is."""
    try:
        from submitit import SlurmExecutor
    except ModuleNotFoundError as error:
        raise BenchbenchError(
            f"--engine slurm needs {error.name}; install benchbench[slurm]."
        ) from error
    try:
        return SlurmExecutor(logs.absolute(), max_num_timeout=wish.restarts)
    except RuntimeError as error:
        raise BenchbenchError(f"There is no SLURM here: {error}") from error
