"""Several cells at once on this machine: `--workers N`."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Annotated, Any, ClassVar

from benchbench.engine.processes import cause_of_death
from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.engine import GridEngine
from benchbench.grid.serving import Ended, Refused, Said, serve
from benchbench.grid.waiting import Waiting
from benchbench.registry.bounds import Bounds
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say

END_SECONDS = 20.0
"""The time in which a worker that is told to end keeps what it has computed."""

VISIBLE = "CUDA_VISIBLE_DEVICES"


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
                        self._hold(workers.index(worker), worker, outcome)
                        worker.begin(waiting.take())
                        yield given[cell], outcome

    def _device(self, number: int) -> str:
        """The GPU that a worker is pinned to, by the number that the system gives it."""
        devices = [text for text in self.devices.split("+") if text]
        return visible_devices(devices)[number % len(devices)] if devices else ""

    def _hold(self, number: int, worker: Worker, outcome: Outcome) -> None:
        """Remember the most that a worker and the process of a method have held."""
        cost = outcome.run.manifest.get("cost", {}) if outcome.run else {}
        now = (worker.memory or 0) + (cost.get("peak_memory_bytes") or 0)
        self.held[number] = max(now, self.held.get(number, 0))

    def at_once(self) -> int:
        return self.count

    def memory_bytes(self) -> int:
        return sum(self.held.values())

    def described(self) -> str:
        given = f" on GPUs {self.devices}" if self.devices else ""
        each = threads_of_each(self.count)
        threads = f"{each} {'thread' if each == 1 else 'threads'} each unless --threads says more"
        return f"{self.count} workers{given}, {threads}"


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


class Worker:
    """A process that computes cells, as the grid's process sees it; it begins anew if it dies.

    cell: what it computes at the moment, or None.
    """

    def __init__(self, device: str) -> None:
        self._device, self.memory = device, 0
        self.cell: Cell | None = None
        self._process: Any = None

    def begin(self, cell: Cell | None) -> None:
        """Compute a cell next; None lets it rest."""
        self.cell = cell
        if cell is None:
            return
        if self._process is not None and not self._process.is_alive():
            self.pipe.close()
            self._process = None
        if self._process is None:
            self._start()
        with suppress(OSError):  # that it is dead shows when its outcome is awaited
            self.pipe.send(cell)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, os.getpid()))
        with _uninterrupted(), _seeing(self._device):
            self._process.start()
        other.close()

    @property
    def signs(self) -> list[Any]:
        """What becomes ready when it has something to say or is dead."""
        return [self.pipe, self._process.sentinel]

    def receive(self) -> Outcome | None:
        """The outcome of its cell, if that is what it says.

        Raises BenchbenchError if it refuses the cell for what would end every cell.
        """
        cell = self.cell
        assert cell is not None
        message: object = None
        with suppress(EOFError, OSError):
            message = self.pipe.recv() if self.pipe.poll() else None
        if isinstance(message, Said):
            say(f"[{cell}] {message.line}")
            return None
        if isinstance(message, Refused):
            raise BenchbenchError(message.reason)
        if isinstance(message, Ended):
            self.memory = max(self.memory, message.memory or 0)
            return message.outcome
        self._process.join()
        reason = f"its worker is gone: {cause_of_death(self._process.exitcode)}"
        return Outcome(cell.name, "failed", reason)

    def interrupt(self) -> None:
        """Let it keep what it has computed, and end."""
        if self._process is not None:
            with suppress(OSError):
                self.pipe.close()
            if self.cell is not None:
                self._process.terminate()

    def kill(self) -> None:
        """Wait until it has ended, and end it if that takes long."""
        if self._process is None:
            return
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _end(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.interrupt()


def _ready(workers: Sequence[Worker]) -> list[Worker]:
    """Those that have something to say or are dead, as soon as there are any."""
    ready = wait([sign for worker in workers for sign in worker.signs])
    return [worker for worker in workers if any(sign in ready for sign in worker.signs)]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A block in which processes begin that a person's Ctrl-C does not reach: they are told."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _seeing(device: str) -> Iterator[None]:
    """A block in which processes begin that see this GPU alone, unless it is nothing."""
    before = os.environ.get(VISIBLE)
    if device:
        os.environ[VISIBLE] = device
    try:
        yield
    finally:
        if before is not None:
            os.environ[VISIBLE] = before
        elif device:
            del os.environ[VISIBLE]
