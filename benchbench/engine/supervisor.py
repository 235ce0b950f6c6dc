"""Where the cells of a command are computed: in this process, or isolated in a worker process.

One worker computes all cells. A cell that kills it, or that takes too long and is killed, fails
alone: the next one gets a fresh worker. So does the one after a cell that failed by itself, which
may have left anything behind.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any

from benchbench.datasets.base import OpenDataset
from benchbench.engine.worker import STACK_SIGNAL, Order, Reply, Row, Setup
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError, MethodError
from benchbench.evaluation.job import Phase, Place, Settings, place_of, run_cell, settled_cell
from benchbench.method import Method
from benchbench.registry import loading, specs
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import FLUSH_EVERY, RunDirectory, Store
from benchbench.system.places import Places

EPISODE_SECONDS = 600.0
"""How long an episode may take unless said otherwise."""

AUDIT_EPISODES = 10
"""An audit, which asks about some episodes many times, may take as long as so many."""

LOOK_SECONDS = 0.5
"""Between two looks at whether the worker lives and is in time."""

FAREWELL_SECONDS = 5.0
"""For a worker that is asked to end, before it is made to."""

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from benchbench.engine.worker import serve; serve(*json.loads(sys.argv[2]))"
)


@dataclass(frozen=True)
class Isolation:
    """What a worker needs in order to open the data set and compute as this process would.

    dataset: its spec. device, threads, fast: the arguments of `compute.configure`.
    episode_seconds, training_seconds: limits, as floats that may be infinite; episodes that a
    method adapts to at once share the sum of theirs.
    """

    dataset: str
    places: Places
    device: str = "auto"
    threads: int | None = None
    fast: bool = True
    episode_seconds: float = EPISODE_SECONDS
    training_seconds: float = math.inf

    def limit(self, phase: Phase) -> float:
        """The seconds that a phase may take."""
        if phase.kind == "training":
            return self.training_seconds
        if phase.kind == "audit":
            return AUDIT_EPISODES * self.episode_seconds
        return phase.together * self.episode_seconds if phase.kind == "episodes" else math.inf

    def exceeded(self, phase: Phase) -> str:
        """The sentence on a phase that took longer."""
        if phase.kind == "training":
            return f"training took longer than {self.training_seconds:g} s (--training-timeout)"
        if phase.kind == "audit":
            limit = f"{AUDIT_EPISODES} x {self.episode_seconds:g} s (--timeout)"
            return f"the audit took longer than {limit}; --no-audit leaves it out"
        if phase.together == 1:
            what, times = f"episode {phase.first}", ""
        else:
            what = f"episodes {phase.first} to {phase.first + phase.together - 1} together"
            times = f"{phase.together} x "
        return f"{what} took longer than {times}{self.episode_seconds:g} s (--timeout)"


def run_cells(
    methods: Iterable[Method],
    dataset: OpenDataset,
    episodes: EpisodeSet,
    store: Store,
    settings: Settings,
    isolation: Isolation | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> list[Outcome]:
    """The outcome of each method: computed here, or in a worker process where one is described.

    Where all is stored no worker is started. meanwhile: called once, while the first one starts.
    """
    if isolation is None:
        return [run_cell(method, dataset, episodes, store, settings) for method in methods]
    cells = []
    setup = _setup(dataset, episodes, store, settings, isolation)
    with Supervisor(setup, isolation, meanwhile) as supervisor:
        for method in methods:
            place = place_of(method, dataset, episodes, store, settings)
            settled = settled_cell(method, dataset, episodes, place, settings)
            cells.append(settled or supervisor.compute(specs.text_of(method), place))
    return cells


def _setup(
    dataset: OpenDataset,
    episodes: EpisodeSet,
    store: Store,
    settings: Settings,
    isolation: Isolation,
) -> Setup:
    return Setup(
        command=sys.argv,
        dataset=isolation.dataset,
        places=isolation.places,
        fingerprint=dataset.fingerprint,
        episodes=replace(episodes),  # without the hash that it may have computed
        episodes_sha256=episodes.sha256,
        out=store.root,
        seed=settings.seed,
        budget=settings.budget,
        device=isolation.device,
        threads=isolation.threads,
        fast=isolation.fast,
        metrics=list(settings.metrics),
        audit=settings.audit is not None,
        audit_stored=settings.audit_stored,
        sampler=settings.sampler,
    )


class Supervisor:
    """Has cells computed by a worker, which it starts where there is none; a context manager."""

    def __init__(
        self, setup: Setup, isolation: Isolation, meanwhile: Callable[[], object] | None = None
    ) -> None:
        self._setup, self._isolation, self._meanwhile = setup, isolation, meanwhile
        self._worker: Worker | None = None

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._dismiss(interrupted=kind is not None)

    def _dismiss(self, interrupted: bool = False) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end(interrupted)

    def compute(self, method: str, place: Place) -> Outcome:
        """The outcome of a method, given as a spec."""
        if self._worker is None:
            self._worker = Worker(self._setup)
        self._worker.send(Order(method, place.run.path))
        if self._meanwhile is not None:
            self._meanwhile()
            self._meanwhile = None
        rows: deque[Row] = deque(maxlen=FLUSH_EVERY)
        run = RunDirectory(place.run.path, place.run.shared)
        try:
            outcome = self._follow(self._worker, rows)
        except KeyboardInterrupt:
            self._dismiss(interrupted=True)
            with suppress(MethodError):
                _keep(run, rows)
            raise
        if outcome is None:
            outcome = Reply("failed", self._worker.cause)
            with suppress(MethodError, BenchbenchError):
                _keep(run, rows, outcome.reason, self._worker.stacks)
        if outcome.status == "failed":
            self._dismiss()
        return Outcome(method, *outcome, run=None if outcome.status == "skipped" else run)

    def _follow(self, worker: Worker, rows: deque[Row]) -> Reply | None:
        """Collect the rows until the cell has ended; None where it took the worker with it."""
        phase, left = Phase("other"), math.inf
        while not worker.has_ended and left > 0:
            look = min(LOOK_SECONDS, left)
            message = worker.receive(look)
            if isinstance(message, Reply):
                return message
            if isinstance(message, Row):
                rows.append(message)
            elif isinstance(message, Phase):
                phase, left = message, self._isolation.limit(message)
            else:
                # Not by the clock, which goes on while this process is stopped.
                left -= look
        worker.kill("" if worker.has_ended else self._isolation.exceeded(phase))
        rows.extend(message for message in worker.unread() if isinstance(message, Row))
        return None


def _keep(run: RunDirectory, rows: Iterable[Row], failure: str = "", stacks: str = "") -> None:
    """Store the rows that a dead worker had scored and not yet written, and what it died of.

    Raises MethodError where another process has the run by now.
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
    """A worker process as seen from here.

    When it is dead, cause: what of, in one sentence; stacks: where its threads were when it crashed
    or was killed for its slowness.
    """

    def __init__(self, setup: Setup) -> None:
        self.cause = self.stacks = ""
        self._heard = False
        self._stacks: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (`kill` closes it)
        posix = os.name == "posix"
        stack_file = self._stacks.fileno() if posix else None
        arguments = [json.dumps(list(map(str, sys.path))), json.dumps([os.getpid(), stack_file])]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._stacks.fileno()] if posix else [],
            start_new_session=True,
        )
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.send(setup)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(Exception):  # however a message ends that was cut short
            while True:
                self._inbox.put(pickle.load(self._process.stdout))
        self._inbox.put(None)

    def send(self, message: Setup | Order | None) -> None:
        """Send an order; None asks the worker to end. One that is dead takes no notice."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # broken, or closed
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def receive(self, timeout: float) -> Phase | Row | Reply | None:
        """The next message; None where there was none in time or will be none any more."""
        try:
            message: Phase | Row | Reply | None = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return None
        if message is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        self._heard = True
        return message

    def unread(self) -> Iterable[Phase | Row | Reply | None]:
        """What a dead worker had still sent."""
        while not self._inbox.empty():
            yield self._inbox.get()

    @property
    def has_ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def end(self, interrupted: bool = False) -> None:
        """Let the worker end, by Ctrl-C where it is interrupted; make it where it does not."""
        try:
            if not interrupted:
                self.send(None)
            elif self._heard:
                self._process.send_signal(signal.SIGINT)
            else:  # it may not know Ctrl-C yet
                self._process.kill()
            self._process.wait(FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
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
        else:
            self._process.kill()
        self.cause = cause or _cause_of_death(self._process.wait())
        self._stacks.seek(0)
        self.stacks = self._stacks.read().decode(errors="replace")
        self._close()

    def _close(self) -> None:
        self._process.wait()
        self._reader.join(FAREWELL_SECONDS)
        for file in (self._stacks, self._process.stdin, self._process.stdout):
            if file is not None and not (file is self._process.stdout and self._reader.is_alive()):
                with suppress(OSError):
                    file.close()

    def _ask_for_stacks(self) -> None:
        """Have it write where it hangs, which takes it a moment."""
        if STACK_SIGNAL is None:
            return
        self._process.send_signal(STACK_SIGNAL)
        size, until = -1, time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until and (size <= 0 or size != self._stacks_size()):
            size = self._stacks_size()
            time.sleep(0.05)

    def _stacks_size(self) -> int:
        return os.fstat(self._stacks.fileno()).st_size


def _cause_of_death(status: int) -> str:
    """The sentence on an exit status as `subprocess` gives it."""
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
