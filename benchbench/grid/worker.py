"""A worker as the grid's process sees it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from benchbench.engine.processes import cause_of_death
from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.serving import Ended, Refused, Said, serve
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import say

END_SECONDS = 20.0
"""The time in which a worker that is told to end keeps what it has computed."""

VISIBLE = "CUDA_VISIBLE_DEVICES"


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
            self._process.terminate()
            with suppress(OSError):
                self.pipe.close()

    def kill(self) -> None:
        """Wait until it has ended, and end it if that takes long."""
        if self._process is None:
            return
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


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
