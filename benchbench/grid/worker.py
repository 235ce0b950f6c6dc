"""A worker as the grid's process sees it."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from benchbench.engine.processes import cause_of_death, uninterrupted
from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.serving import Ended, Refused, Said, serve
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import REPORT_SECONDS, say

END_SECONDS = 20.0
"""The time in which a worker that is told to end keeps what it has computed."""

VISIBLE = "CUDA_VISIBLE_DEVICES"

LINES_SECONDS = 30.0
"""The time between two lines about one cell, of which several are computed."""

LINE_BYTES = 2**16
"""The longest line that is waited for until it ends."""


class Worker:
    """A process that computes cells, as the grid's process sees it; it begins anew if it dies.

    cell: what it computes at the moment, or None.
    """

    def __init__(self, device: str) -> None:
        self._device, self.memory = device, 0
        self.cell: Cell | None = None
        self._process: Any = None
        self._begun = b""

    def begin(self, cell: Cell | None) -> None:
        """Compute a cell next; None lets it rest."""
        self.cell = cell
        if cell is None:
            return
        if self._process is not None and not self._process.is_alive():
            self.pipe.close()
            self._words.close()
            self._process = None
        if self._process is None:
            self._start()
        with suppress(OSError):  # that it is dead shows when its outcome is awaited
            self.pipe.send(cell)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self._words, words = context.Pipe(duplex=False)
        self._process = context.Process(target=serve, args=(other, words, os.getpid()))
        # One line of a terminal shows all cells; there theirs would only be in its way.
        pause = "inf" if sys.stderr.isatty() else str(LINES_SECONDS)
        device = _environment(VISIBLE, self._device)
        with uninterrupted(), device, _environment(REPORT_SECONDS, pause):
            self._process.start()
        other.close()
        words.close()

    @property
    def signs(self) -> list[Any]:
        """What becomes ready when it has something to say or is dead."""
        return [self.pipe, self._words, self._process.sentinel]

    def receive(self) -> Outcome | None:
        """The outcome of its cell, if that is what it says.

        Raises BenchbenchError if it refuses the cell for what would end every cell.
        """
        cell = self.cell
        assert cell is not None
        self._say_overheard(cell)
        message: object = None
        with suppress(EOFError, OSError):
            if not self.pipe.poll() and self._process.is_alive():
                return None
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
        self._say_overheard(cell)
        reason = f"its worker is gone: {cause_of_death(self._process.exitcode)}"
        return Outcome(cell.name, "failed", reason)

    def _say_overheard(self, cell: Cell) -> None:
        """Say what processes of its method have printed on standard error, by whole lines."""
        content = self._begun
        while len(content) <= LINE_BYTES and self._words.poll():
            if not (read := os.read(self._words.fileno(), LINE_BYTES)):
                break
            content += read
        *lines, self._begun = content.split(b"\n")
        if len(self._begun) > LINE_BYTES or not self._process.is_alive():
            lines, self._begun = [*lines, self._begun], b""
        for line in filter(bytes.strip, lines):
            say(f"[{cell}] {line.decode(errors='replace')}")

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
def _environment(variable: str, value: str) -> Iterator[None]:
    """A block in which processes begin that have this value, unless it is nothing."""
    before = os.environ.get(variable)
    if value:
        os.environ[variable] = value
    try:
        yield
    finally:
        if before is not None:
            os.environ[variable] = before
        elif value:
            del os.environ[variable]
