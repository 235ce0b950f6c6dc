"""The process of a worker: cells come by a pipe, outcomes and lines go back.

It imports nothing at first that takes time.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from benchbench.runs.outcome import Outcome

INTERRUPTED = 130
DEATH_SIGNAL = 1
"""The option of prctl by which a process dies with its parent."""


@dataclass(frozen=True)
class Said:
    """A line that the worker would have printed on standard error."""

    line: str


@dataclass(frozen=True)
class Refused:
    """What a user must mend before any cell can be computed."""

    reason: str


@dataclass(frozen=True)
class Ended:
    """The outcome of the cell, and the most memory that the worker has held, in bytes."""

    outcome: Outcome
    memory: int | None


class Lines(io.TextIOBase):
    """A standard error whose lines go to the process that shows the grid."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._begun = pipe, ""

    def write(self, text: str, /) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        with contextlib.suppress(OSError):
            for line in filter(None, lines):
                self._pipe.send(Said(line))
        return len(text)

    def writable(self) -> bool:
        return True


def serve(pipe: Connection, words: Connection, parent: int) -> None:
    """Compute cells until this process is told to end, by SIGTERM or by the end of the pipe.

    words: gets what processes of methods print on standard error. parent: the number of the process
    that began this one, with which it dies.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that
        os._exit(1)
    if os.name == "posix":
        os.dup2(words.fileno(), 2)
    sys.stderr = Lines(pipe)
    try:
        while True:
            _answer(pipe)
    except (KeyboardInterrupt, EOFError, OSError):
        sys.stderr = sys.__stderr__
        sys.exit(INTERRUPTED)


def _interrupt(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is told once, and not while it ends
    raise KeyboardInterrupt


def _answer(pipe: Connection) -> None:
    cell = pipe.recv()
    from benchbench.errors import BenchbenchError, reason_of
    from benchbench.grid.computing import compute_cell
    from benchbench.runs.outcome import Outcome
    from benchbench.system.compute import peak_memory_bytes

    try:
        outcome = compute_cell(cell)
    except BenchbenchError as error:
        pipe.send(Refused(str(error)))
    except Exception as error:
        pipe.send(Ended(Outcome(cell.name, "failed", reason_of(error)), peak_memory_bytes()))
    else:
        pipe.send(Ended(outcome, peak_memory_bytes()))
