"""A method's process as its supervisor sees it: started, spoken to, ended."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import wait
from typing import IO, Any

from benchbench.engine import wire
from benchbench.engine.processes import begin_template, cause_of_death, without_salt
from benchbench.engine.worker import STACK_SIGNAL, Request, serve

LOOK_SECONDS = 0.5
"""Between two looks at whether a process lives and is in time."""


class WorkerHandle:
    """A method's process as its supervisor sees it.

    Once it is dead, `cause` says in one sentence why, and `stacks` where its threads were when it
    crashed or was killed for its slowness.
    """

    def __init__(self, context: Any) -> None:
        self.cause = self.stacks = ""
        self._stacks: IO[bytes] = tempfile.NamedTemporaryFile()  # noqa: SIM115 (`kill` closes it)
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, self._stacks.name))
        if context.get_start_method() == "forkserver":
            begin_template()
        with without_salt():
            self._process.start()
        other.close()

    def send(self, message: Request) -> None:
        """Send a request; that the process is dead shows when its reply is awaited."""
        with suppress(OSError):
            self._pipe.send(message)

    def receive(self, timeout: float) -> wire.Reply | None:
        """The next reply; None if there was none in time or will be none any more."""
        ready = wait([self._pipe, self._process.sentinel], timeout)
        if self._pipe in ready:
            with suppress(EOFError, OSError):
                return wire.receive(self._pipe)
        if ready:  # a dying process closes its files before it has ended
            self._process.join(timeout)
        return None

    @property
    def has_ended(self) -> bool:
        """Whether the process is no more."""
        return not self._process.is_alive()

    def kill(self, cause: str = "") -> None:
        """End the process, unless it has ended, and all that it has started."""
        if self.cause:
            return
        if cause:
            self._ask_for_stacks()
        if os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self.cause = cause or cause_of_death(self._process.exitcode)
        self._stacks.seek(0)
        self.stacks = self._stacks.read().decode(errors="replace")
        self._stacks.close()

    def _ask_for_stacks(self) -> None:
        """Have it write where it hangs, which takes it a moment."""
        if STACK_SIGNAL is None or self.has_ended:
            return
        os.kill(self._process.pid, STACK_SIGNAL)
        size, until = -1, time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until and (size <= 0 or size != self._stacks_size()):
            size = self._stacks_size()
            time.sleep(0.05)

    def _stacks_size(self) -> int:
        return os.fstat(self._stacks.fileno()).st_size
