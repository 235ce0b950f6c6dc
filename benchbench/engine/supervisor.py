"""The engine that isolates methods: a worker process executes the jobs, and is watched.

One worker executes all jobs. A job that kills it, or that takes too long and is killed, fails
alone: the next one gets a fresh worker. So does the one after a job that failed by itself, which
may have left anything behind.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import IO, Any

from benchbench.engine.worker import STACK_SIGNAL, Ended, Order, serve
from benchbench.errors import BenchbenchError, MethodError
from benchbench.evaluation.job import Event, Job, Row
from benchbench.evaluation.settings import Limits, Phase
from benchbench.registry import loading
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import FLUSH_EVERY, RunDirectory
from benchbench.system.places import Places

START_METHOD = "spawn"
"""Of `multiprocessing`: a process that has used OpenMP or CUDA must not be forked."""

LOOK_SECONDS = 0.5
"""Between two looks at whether the worker lives and is in time."""

FAREWELL_SECONDS = 5.0
"""For a worker that is asked to end, before it is made to."""


class Supervisor(AbstractContextManager["Supervisor"]):
    """Has jobs executed by a worker, which it starts when there is none."""

    def __init__(self, places: Places, limits: Limits | None = None) -> None:
        self._places, self._limits = places, limits or Limits()
        self._worker: Worker | None = None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._dismiss(interrupted=kind is not None)

    def _dismiss(self, interrupted: bool = False) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end(interrupted)

    def compute(self, job: Job) -> Outcome:
        """Have a job executed, and wait for its outcome."""
        if self._worker is None:
            self._worker = Worker()
        self._worker.send(self._order(job))
        rows: deque[Row] = deque(maxlen=FLUSH_EVERY)
        run = RunDirectory(job.run.path, job.run.shared)
        try:
            ended = self._follow(self._worker, rows)
        except KeyboardInterrupt:
            self._dismiss(interrupted=True)
            with suppress(MethodError):
                _keep(run, rows)
            raise
        if ended is None:
            ended = Ended("failed", self._worker.cause)
            with suppress(MethodError, BenchbenchError):
                _keep(run, rows, ended.reason, self._worker.stacks)
        if ended.status == "failed":
            self._dismiss()
        return Outcome(job.text, *ended, run=None if ended.status == "skipped" else run)

    def _order(self, job: Job) -> Order:
        return Order(
            method=job.text,
            problem=job.problem.spec,
            places=self._places,
            fingerprint=job.problem.test.fingerprint,
            episodes=replace(job.episodes),  # without the hash that it may have computed
            episodes_sha256=job.episodes.sha256,
            out=job.store.root,
            settings=job.settings,
            folder=job.run.path,
        )

    def _follow(self, worker: Worker, rows: deque[Row]) -> Ended | None:
        """Collect the rows until the job has ended; None if it took the worker with it."""
        phase, left = Phase("other"), math.inf
        while left > 0:
            look = min(LOOK_SECONDS, left)
            message = worker.receive(look)
            if isinstance(message, Ended):
                return message
            if isinstance(message, Row):
                rows.append(message)
            elif isinstance(message, Phase):
                phase, left = message, self._limits.seconds(message)
            elif worker.has_ended:
                worker.kill()
                return None
            else:
                # Not by the clock, which goes on while this process is stopped.
                left -= look
        worker.kill(self._limits.exceeded(phase))
        rows.extend(message for message in worker.unread() if isinstance(message, Row))
        return None


def _keep(run: RunDirectory, rows: Iterable[Row], failure: str = "", stacks: str = "") -> None:
    """Store the rows that a dead worker had not yet written, and what it died of.

    Raises MethodError if another process has the run by now.
    """
    if not (run.path / "manifest.json").exists():
        return
    with run.locked(FAREWELL_SECONDS):
        number = run.scored()
        for record, prediction in rows:
            if record["episode"] == number:
                if prediction is not None:
                    run.append_prediction(prediction)
                run.append(record)
                number += 1
        run.flush()
        if failure:
            run.fail(MethodError(failure))
            with (run.path / "error.txt").open("a", encoding="utf-8") as file:
                file.write(stacks)
            loading.observer("run_finished")(run=run)


class Worker:
    """A worker process as its supervisor sees it.

    Once it is dead, `cause` says in one sentence why, and `stacks` where its threads were when it
    crashed or was killed for its slowness.
    """

    def __init__(self) -> None:
        self.cause = self.stacks = ""
        self._heard = False
        self._stacks: IO[bytes] = tempfile.NamedTemporaryFile()  # noqa: SIM115 (`kill` closes it)
        context: Any = multiprocessing.get_context(START_METHOD)
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=serve, args=(other, os.getpid(), self._stacks.name, sys.argv)
        )
        self._process.start()
        other.close()

    def send(self, message: Order | None) -> None:
        """Send an order; None asks the worker to end. A dead one is not an error."""
        with suppress(OSError):
            self._pipe.send(message)

    def receive(self, timeout: float) -> Event | Ended | None:
        """The next message; None if there was none in time or will be none any more."""
        ready = wait([self._pipe, self._process.sentinel], timeout)
        if self._pipe in ready:
            with suppress(EOFError, OSError):
                message: Event | Ended = self._pipe.recv()
                self._heard = True
                return message
        if ready:  # a dying process closes its files before it has ended
            self._process.join(timeout)
        return None

    def unread(self) -> Iterator[Event | Ended]:
        """What a dead worker had still sent."""
        with suppress(EOFError, OSError):
            while self._pipe.poll():
                yield self._pipe.recv()

    @property
    def has_ended(self) -> bool:
        """Whether the process is no more."""
        return not self._process.is_alive()

    def end(self, interrupted: bool = False) -> None:
        """Let the worker end, by Ctrl-C if it is interrupted; kill it if it does not."""
        if not interrupted:
            self.send(None)
        elif self._heard and not self.has_ended:
            os.kill(self._process.pid, signal.SIGINT)
        else:  # it may not handle Ctrl-C yet
            self.kill()
        self._process.join(FAREWELL_SECONDS)
        self.kill()

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
        self.cause = cause or _cause_of_death(self._process.exitcode)
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


def _cause_of_death(status: int) -> str:
    """The sentence about an exit status as `multiprocessing` gives it."""
    if status >= 0:
        return f"the process exited with code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return "the process was killed (SIGKILL), perhaps for lack of memory"
    crashed = name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS")
    return f"the process {'crashed' if crashed else 'was ended'} ({name})"
