"""The process that computes cells for `engine`: orders come by standard input, reports go out.

Nothing beyond the standard library is imported before the reports have standard output to
themselves; what methods print goes to standard error.
"""

from __future__ import annotations

import ctypes
import faulthandler
import io
import logging
import os
import pickle
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from benchbench.episodes import EpisodeSet
    from benchbench.evaluation.job import Phase
    from benchbench.method import Method
    from benchbench.samplers import Sampler
    from benchbench.system.places import Places
    from benchbench.training.budget import Budget

STACK_SIGNAL = getattr(signal, "SIGUSR1", None)
"""Asks for the stack of a process that hangs; absent on Windows."""

INTERRUPTED = 130


@dataclass(frozen=True)
class Setup:
    """What all cells of a command share, in values that can be sent.

    command: its `sys.argv`. dataset: a spec; device, threads and fast: of `compute.configure`;
    metrics: names; audit, audit_stored: whether there is one, see `runner.Settings`. fingerprint
    and episodes_sha256: what the other process has found. sampler: of the episodes, or None.
    """

    command: list[str]
    dataset: str
    places: Places
    fingerprint: str
    episodes: EpisodeSet
    episodes_sha256: str
    out: Path
    seed: int
    budget: Budget
    device: str
    threads: int | None
    fast: bool
    metrics: list[str]
    audit: bool
    audit_stored: bool
    sampler: Sampler | None


class Order(NamedTuple):
    """Compute the method of a spec into a folder, which the spec must lead to here as well."""

    method: str
    folder: Path


class Row(NamedTuple):
    """A scored episode: its rows of `episodes.csv` and, of the first ones, `predictions.csv`."""

    record: dict[str, Any]
    prediction: dict[str, Any] | None


class Reply(NamedTuple):
    """How an order ended: the status and reason of its cell."""

    status: str
    reason: str


class Channel:
    """This end of the pipes; the process ends when those of the other end are closed."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        source, self._reports = _take_standard_streams()
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def _listen(self, source: BinaryIO) -> None:
        try:
            while (order := pickle.load(source)) is not None:
                self._orders.put(order)
            self._orders.put(None)
        except Exception:  # whoever gave orders is gone
            os._exit(1)

    def order(self) -> Any:
        """The next order, or None at the end."""
        return self._orders.get()

    def report(self, message: NamedTuple) -> None:
        """Send one message."""
        try:
            pickle.dump(message, self._reports)
            self._reports.flush()
        except OSError:
            os._exit(1)

    def enter(self, phase: Phase) -> None:
        """As `runner.Watch`."""
        self.report(phase)

    def scored(self, record: dict[str, Any], prediction: dict[str, Any] | None) -> None:
        """As `runner.Watch`."""
        self.report(Row(record, prediction))


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes, out of the way of whatever reads standard input or prints."""
    source, reports = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, reports


def serve(parent: int, stack_file: int | None) -> None:
    """Compute what is ordered until there is no more; stack_file: for the stacks of a crash."""
    _die_with(parent)
    if stack_file is not None:
        faulthandler.enable(stack_file)
        if STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, stack_file)
    channel = Channel()
    try:
        _serve(channel)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _serve(channel: Channel) -> None:
    setup = channel.order()
    sys.argv[:] = setup.command
    _speak_like_the_command_line()
    bench: Bench | None = None
    while (order := channel.order()) is not None:
        try:
            bench = bench or Bench(setup, channel)
            outcome = bench.compute(order)
        except Exception as error:
            from benchbench.errors import reason_of

            outcome = Reply("failed", reason_of(error))
        channel.report(outcome)


def _die_with(parent: int) -> None:
    """On Linux, let the kernel kill this process when the other one dies, whatever runs in it."""
    if sys.platform == "linux":
        death_signal = 1
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _speak_like_the_command_line() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace", line_buffering=True)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)


class Bench:
    """The data set, the episodes and the settings of a command, made again from its setup.

    Raises BenchbenchError where they are not those that the other process has found.
    """

    def __init__(self, setup: Setup, channel: Channel) -> None:
        from benchbench.conformance import short_audit
        from benchbench.datasets.opening import open_dataset
        from benchbench.errors import BenchbenchError
        from benchbench.evaluation.job import Settings
        from benchbench.runs.store import Store
        from benchbench.system.compute import configure

        metrics = _metrics(setup.metrics)
        compute = configure(setup.device, setup.threads, setup.fast)
        self.settings = Settings(
            *(setup.seed, setup.budget, compute, metrics, channel),
            audit=short_audit if setup.audit else None,
            audit_stored=setup.audit_stored,
            sampler=setup.sampler,
        )
        self.store, self.episodes = Store(setup.out), setup.episodes
        self.dataset = open_dataset(setup.dataset, setup.places)
        if self.dataset.fingerprint != setup.fingerprint:
            raise BenchbenchError(f"The images of {setup.dataset} changed while the command ran.")
        if self.episodes.sha256 != setup.episodes_sha256:
            raise BenchbenchError("The episodes were altered on their way to the worker process.")

    def compute(self, order: Order) -> Reply:
        """Train and evaluate one method."""
        from benchbench.errors import BenchbenchError
        from benchbench.evaluation import job as runner
        from benchbench.registry import loading, specs

        spec = specs.parse(order.method)
        method: Method = specs.configure(loading.load("method", spec.name), spec)
        task = self.dataset, self.episodes
        place = runner.place_of(method, *task, self.store, self.settings)
        if place.run.path != order.folder:
            raise BenchbenchError(f"The files of {order.method} changed while the command ran.")
        settled = runner.settled_cell(method, *task, place, self.settings)
        cell = settled or runner.compute_cell(method, *task, place, self.settings)
        return Reply(cell.status, cell.reason)


def _metrics(names: list[str]) -> dict[str, Any]:
    """The metrics by name; plug-ins that are broken have been told of by the other process."""
    from benchbench.registry import loading

    log = logging.getLogger("benchbench")
    log.disabled = True
    try:
        loading.broken_extras()
        return {name: loading.find("register_metrics", "metric", name) for name in names}
    finally:
        log.disabled = False
