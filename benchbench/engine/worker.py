"""The process that executes jobs for a `Supervisor`: orders come by a pipe, events go back.

What methods print goes to standard error.
"""

from __future__ import annotations

import ctypes
import faulthandler
import io
import logging
import os
import signal
import sys
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # what takes seconds to import is imported once orders can be interrupted
    from benchbench.datasets.problem import Problem
    from benchbench.episodes import EpisodeSet
    from benchbench.evaluation.job import Job
    from benchbench.evaluation.settings import Settings
    from benchbench.system.places import Places

STACK_SIGNAL = getattr(signal, "SIGUSR1", None)
"""Asks for the stack of a process that hangs; absent on Windows."""

INTERRUPTED = 130


@dataclass(frozen=True)
class Order:
    """A job in values that can be sent.

    method, problem: specs. fingerprint, episodes_sha256, folder: what the other process has found,
    and this one must find as well. out: of the store.
    """

    method: str
    problem: str
    places: Places
    fingerprint: str
    episodes: EpisodeSet
    episodes_sha256: str
    out: Path
    settings: Settings
    folder: Path


class Ended(NamedTuple):
    """How an order ended: the status and reason of its outcome."""

    status: str
    reason: str = ""


def serve(pipe: Connection, parent: int, stack_file: str, command: list[str]) -> None:
    """Execute what is ordered until there is no more.

    parent: the id of the process that gives orders. stack_file: the path of the file that gets the
    stacks of a crash. command: that process's `sys.argv`.
    """
    _stand_alone(parent)
    _write_stacks_to(stack_file)
    sys.argv[:] = command
    _speak_like_the_command_line()
    try:
        while (order := pipe.recv()) is not None:
            pipe.send(_obey(order, pipe))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (EOFError, OSError):  # whoever gave orders is gone
        os._exit(1)


def _stand_alone(parent: int) -> None:
    """Lead a process group of its own, which dies as one, with the parent even if it is busy."""
    if os.name == "posix":
        os.setsid()
    if sys.platform == "linux":
        death_signal = 1
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _write_stacks_to(path: str) -> None:
    if os.name == "posix":  # elsewhere two processes cannot open a temporary file
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        faulthandler.enable(file)
        if STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, file)


def _speak_like_the_command_line() -> None:
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace", line_buffering=True)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)


def _obey(order: Order, pipe: Connection) -> Ended:
    """Execute an order; its events go into the pipe as they come."""
    from benchbench.conformance import short_audit
    from benchbench.errors import reason_of

    try:
        job = _job_of(order)
        outcome = job.settled() or job.execute(pipe.send, short_audit)
    except Exception as error:
        return Ended("failed", reason_of(error))
    return Ended(outcome.status, outcome.reason)


def _job_of(order: Order) -> Job:
    """The ordered job. Raises BenchbenchError if it is not the one that the other process has."""
    from benchbench.errors import BenchbenchError
    from benchbench.evaluation.job import Job
    from benchbench.learners.creation import create_method
    from benchbench.runs.store import Store

    order.settings.compute.apply()
    _load_extras()
    problem = _opened(order.problem, order.places)
    if problem.test.fingerprint != order.fingerprint:
        raise BenchbenchError(f"The images of {order.problem} changed while the command ran.")
    if order.episodes.sha256 != order.episodes_sha256:
        raise BenchbenchError("The episodes were altered on their way to the worker process.")
    method = create_method(order.method)
    job = Job(method, problem, order.episodes, Store(order.out), order.settings)
    if job.run.path != order.folder:
        raise BenchbenchError(f"The files of {order.method} changed while the command ran.")
    return job


@cache
def _opened(spec: str, places: Places) -> Problem:
    from benchbench.datasets.opening import open_problems

    (problem,) = open_problems(spec, places)
    return problem


@cache
def _load_extras() -> None:
    """Load the group of observers and so on; the other process has reported those that fail."""
    from benchbench.registry import loading

    log = logging.getLogger("benchbench")
    log.disabled = True
    try:
        loading.broken_extras()
    finally:
        log.disabled = False
