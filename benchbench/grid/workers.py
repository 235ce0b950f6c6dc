"""Several cells at once on this machine: `--workers N`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Annotated, ClassVar

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.grid.waiting import Waiting
from benchbench.grid.worker import VISIBLE, Worker
from benchbench.registry.bounds import Bounds
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say
from benchbench.system.texts import counted


@dataclass
class Workers(GridEngine):
    """Several processes on this machine, each of which computes one cell after the other.

    count: how many. devices: numbers of GPUs joined by +, to each of which workers are pinned in
        turn; none lets every worker see all.
    """

    name: ClassVar[str] = "workers"
    count: Annotated[int, Bounds(ge=1, le=1024)] = 2
    devices: str = ""
    held: dict[int, int] = field(default_factory=dict, kw_only=True, repr=False, compare=False)
    busy: int = field(default=0, kw_only=True, repr=False, compare=False)

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        threads = threads_of_each(self.count)
        given = {replace(cell, threads=cell.threads or threads): cell for cell in cells}
        waiting = Waiting(given)
        with ExitStack() as stack:
            count = min(self.count, len(cells))
            workers = [Worker(self._device(number)) for number in range(count)]
            for worker in workers:
                stack.callback(worker.kill)
            stack.callback(_end, workers)
            for worker in workers:
                worker.begin(waiting.take())
            while busy := [worker for worker in workers if worker.cell]:
                for worker in _ready(busy):
                    cell = worker.cell
                    outcome = worker.receive()
                    if cell is not None and outcome is not None:
                        waiting.ended(cell)
                        self._hold(workers.index(worker), worker, outcome, cell.engine == "worker")
                        worker.begin(waiting.take())
                        self.busy = sum(one.cell is not None for one in workers)
                        yield given[cell], outcome

    def _device(self, number: int) -> str:
        """The GPU that a worker is pinned to, by the number that the system gives it."""
        devices = [text for text in self.devices.split("+") if text]
        return visible_devices(devices)[number % len(devices)] if devices else ""

    def _hold(self, number: int, worker: Worker, outcome: Outcome, apart: bool) -> None:
        """Remember the most that a worker and the process of a method, if apart, have held."""
        cost = outcome.run.manifest.get("cost", {}) if outcome.run and apart else {}
        now = worker.memory + (cost.get("peak_memory_bytes") or 0)
        self.held[number] = max(now, self.held.get(number, 0))

    def running(self) -> int:
        return self.busy

    def at_once(self) -> int:
        return self.count

    def memory_bytes(self) -> int:
        return sum(self.held.values())

    def described(self) -> str:
        given = f" on GPUs {self.devices}" if self.devices else ""
        each = threads_of_each(self.count)
        threads = "1 thread" if each == 1 else f"{each} threads"
        return f"{self.count} workers{given}, {threads} each, or as many as --threads says"


def threads_of_each(count: int) -> int:
    """The threads of each of so many workers, so that together they have those of this process."""
    import torch

    return max(1, torch.get_num_threads() // count)


def visible_devices(numbers: Sequence[str]) -> list[str]:
    """What the numbers of GPUs are called among those that this process may see."""
    seen = [text.strip() for text in os.environ.get(VISIBLE, "").split(",") if text.strip()]
    try:
        return [seen[int(number)] for number in numbers] if seen else list(numbers)
    except IndexError as error:
        raise BenchbenchError(
            f"{VISIBLE}={os.environ[VISIBLE]} shows {len(seen)} GPUs; name those from 0 on."
        ) from error


def _end(workers: Sequence[Worker]) -> None:
    """Let workers end; those that are at a cell take a moment, more so if they are beginning."""
    if busy := sum(worker.cell is not None for worker in workers):
        say(f"stopping {counted(busy, 'worker')}; what is computed is kept")
    for worker in workers:
        worker.interrupt()


def _ready(workers: Sequence[Worker]) -> list[Worker]:
    """Those that have something to say or are dead, as soon as there are any."""
    ready = wait([sign for worker in workers for sign in worker.signs])
    return [worker for worker in workers if any(sign in ready for sign in worker.signs)]
