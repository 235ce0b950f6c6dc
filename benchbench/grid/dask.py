"""`--engine dask`: cells as tasks of a `dask.distributed` cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from benchbench.errors import BenchbenchError, reason_of
from benchbench.grid.bundling import first_and_rest
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.registry.bounds import Bounds
from benchbench.system.progress import say
from benchbench.system.texts import counted

if TYPE_CHECKING:
    from benchbench.runs.outcome import Outcome

ONE_AT_A_TIME = threading.Lock()
"""Torch's threads and generators belong to a process, so that it computes one cell at a time."""


@dataclass
class Dask(GridEngine):
    """Workers of a Dask cluster, which see the same folders as this process.

    scheduler: its address, as tcp://host:8786.
    patience: seconds to wait for the scheduler.

    A worker computes a cell at a time; one that it has begun it ends, if this command is ended.
    """

    name: ClassVar[str] = "dask"
    argument: ClassVar[str] = "scheduler"
    scheduler: str
    patience: Annotated[float, Bounds(gt=0)] = 30.0

    def at_once(self) -> int:
        with self._client() as client:
            return max(1, len(_workers(client)))

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        with self._client() as client:
            workers = _workers(client)
            say(f"Dask has {counted(len(workers), 'worker')} now")
            gpus = any("GPU" in worker["resources"] for worker in workers)
            yield from _Computation(client, gpus).outcomes(cells)

    def _client(self) -> Any:
        """Raises BenchbenchError if the library or the scheduler is not there."""
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise BenchbenchError(
                f"--engine dask needs {error.name}; install benchbench[dask]."
            ) from error
        try:
            return Client(self.scheduler, timeout=self.patience)
        except (OSError, ValueError) as error:
            raise BenchbenchError(
                f"There is no Dask scheduler at {self.scheduler} ({reason_of(error)})."
            ) from error


def _workers(client: Any) -> list[dict[str, Any]]:
    """What the scheduler knows of each worker."""
    return list(client.scheduler_info(n_workers=-1)["workers"].values())


class _Computation:
    """The cells of one command on a cluster; gpus: whether workers say that they have GPUs."""

    def __init__(self, client: Any, gpus: bool) -> None:
        self._client, self._gpus = client, gpus
        self._cells: dict[Any, Cell] = {}

    def outcomes(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        """Begin with cells that need not wait; the others follow when their training is there."""
        from distributed import as_completed

        first, rest = first_and_rest(cells)
        ended = as_completed([self._begin(cell) for cell in first])
        try:
            for future in ended:
                cell = self._cells.pop(future)
                yield cell, _outcome_of(future, cell)
                if cell.shares:
                    ready = [other for other in rest if other.shares == cell.shares]
                    rest = [other for other in rest if other.shares != cell.shares]
                    ended.update([self._begin(other) for other in ready])
        finally:
            if self._cells:
                self._client.cancel(list(self._cells))

    def _begin(self, cell: Cell) -> Any:
        needs = {"GPU": 1} if cell.gpu and self._gpus else None
        task = compute_there, cell.to_json(), str(Path.cwd())
        future = self._client.submit(*task, pure=False, resources=needs)
        self._cells[future] = cell
        return future


def compute_there(text: str, folder: str) -> Outcome:
    """Compute a cell in a process of a cluster, with paths from the folder where it was typed."""
    from benchbench.grid.computing import compute_cell

    with ONE_AT_A_TIME, contextlib.chdir(folder):
        # Dask marks its workers as daemons, which may begin no process; those of methods end by
        # themselves when the worker does.
        multiprocessing.current_process().daemon = False
        return compute_cell(Cell.from_json(text))


def _outcome_of(future: Any, cell: Cell) -> Outcome:
    from benchbench.runs.outcome import Outcome

    if future.status == "finished":
        found: Outcome = future.result()
        return replace(found, method=cell.name)
    error = future.exception() if future.status == "error" else None
    why = reason_of(error) if error else f"the task was {future.status}"
    return Outcome(cell.name, "failed", f"Dask computed no result: {why}")
