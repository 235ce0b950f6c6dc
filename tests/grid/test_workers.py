"""Workers: threads and devices are shared out, and what comes of a cell is told."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

from benchbench.engine.processes import uninterrupted
from benchbench.errors import BenchbenchError
from benchbench.grid import worker as worker_module
from benchbench.grid import workers as workers_module
from benchbench.grid.cell import Cell
from benchbench.grid.serving import Ended, Lines, Refused, Said
from benchbench.grid.worker import VISIBLE, Worker, _environment
from benchbench.grid.workers import Workers, threads_of_each, visible_devices
from benchbench.runs.outcome import Outcome
from benchbench.system.progress import REPORT_SECONDS

CELLS = [Cell(f"m{number}") for number in range(5)]


@pytest.mark.parametrize(("cores", "count", "each"), [(8, 2, 4), (8, 3, 2), (2, 5, 1)])
def test_threads_are_shared_out(
    monkeypatch: pytest.MonkeyPatch, cores: int, count: int, each: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert threads_of_each(count) == each
    assert f"{count} workers, {each} thread" in Workers(count).described()


def test_devices_are_those_that_this_process_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    assert visible_devices(["0", "2"]) == ["0", "2"]
    monkeypatch.setenv(VISIBLE, "4, 7")
    assert visible_devices(["1", "0"]) == ["7", "4"]
    with pytest.raises(BenchbenchError, match="shows 2 GPUs"):
        visible_devices(["2"])


def test_workers_take_devices_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    engine = Workers(3, devices="0+1")
    assert [engine._device(number) for number in range(3)] == ["0", "1", "0"]
    assert Workers(3)._device(0) == ""


def test_a_process_begins_that_sees_one_device_and_no_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    before = signal.getsignal(signal.SIGINT)
    with _environment(VISIBLE, "1"), uninterrupted():
        assert os.environ[VISIBLE] == "1"
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    assert VISIBLE not in os.environ
    assert signal.getsignal(signal.SIGINT) == before
    monkeypatch.setenv(VISIBLE, "4,5")
    with _environment(VISIBLE, ""):
        assert os.environ[VISIBLE] == "4,5"
    with _environment(VISIBLE, "5"):
        assert os.environ[VISIBLE] == "5"
    assert os.environ[VISIBLE] == "4,5"


class Sent:
    """A pipe that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, message: object) -> None:
        self.messages.append(message)


def test_what_is_printed_is_sent_by_lines() -> None:
    pipe = Sent()
    lines = Lines(pipe)  # type: ignore[arg-type]
    print("one\ntwo", file=lines, end="")
    assert pipe.messages == [Said("one")]
    print("\n\nthree", file=lines, flush=True)
    assert pipe.messages == [Said("one"), Said("two"), Said("three")]
    assert not lines.isatty()


def serve_threads(pipe: Connection, words: Connection, parent: int) -> None:
    """A worker that tells its threads, and fails, dies or is refused by the names of cells."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            cell = pipe.recv()
        except EOFError:
            return
        if cell.method == "m1":
            os.write(words.fileno(), b"last words")
            os.kill(os.getpid(), signal.SIGKILL)
        if cell.method == "refused":
            pipe.send(Refused("no folder"))
        if cell.method == "long":
            time.sleep(60)
        os.write(words.fileno(), f"method of {cell.method}\nreports every ".encode())
        os.write(words.fileno(), f"{os.environ[REPORT_SECONDS]}\n\n".encode())
        pipe.send(Said(f"threads {cell.threads}"))
        pipe.send(Ended(Outcome(cell.method, "finished", str(cell.threads)), 2**20))


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that begin at once, by a fork, and only say what they were asked for."""
    fork = worker_module.multiprocessing.get_context("fork")
    monkeypatch.setattr(worker_module.multiprocessing, "get_context", lambda _: fork)
    monkeypatch.setattr(worker_module, "serve", serve_threads)
    monkeypatch.setattr(workers_module, "threads_of_each", lambda count: 3)


@pytest.mark.usefixtures("forked")
def test_each_cell_has_one_outcome_and_a_death_is_one_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [*CELLS, Cell("own", threads=7)]
    engine = Workers(2)
    found = dict(engine.compute(given))
    assert set(found) == set(given)
    assert {found[cell].reason for cell in given if cell.method != "m1"} == {"3", "7"}
    died = found[CELLS[1]]
    assert died.status == "failed"
    assert died.reason.startswith("its worker is gone: the process was killed (SIGKILL)")
    said = capsys.readouterr().err.splitlines()
    assert "[m0 seed 0] threads 3" in said
    for cell in (cell for cell in given if cell.method != "m1"):
        assert f"[{cell}] method of {cell.method}" in said
        assert f"[{cell}] reports every 30.0" in said
    assert "[m1 seed 0] last words" in said
    assert engine.running() == 0
    assert engine.memory_bytes() in (2**20, 2 * 2**20)  # one may have had all of the others


@pytest.mark.usefixtures("forked")
def test_what_ends_every_cell_is_an_error_and_the_others_are_ended() -> None:
    cells = [Cell("long"), Cell("refused")]
    began = time.monotonic()
    with pytest.raises(BenchbenchError, match="no folder"):
        list(Workers(2).compute(cells))
    assert time.monotonic() - began < 15


@pytest.mark.usefixtures("forked")
def test_an_iterator_that_is_closed_ends_the_workers() -> None:
    computed = Workers(2).compute([Cell("m0"), Cell("long")])
    cell, _ = next(computed)
    assert cell.method == "m0"
    began = time.monotonic()
    computed.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 15


@pytest.mark.usefixtures("forked")
def test_that_workers_are_stopped_is_said_before_they_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is beginning may take seconds until it ends."""
    said_before = []
    end = Worker.kill

    def kill(worker: Worker) -> None:
        said_before.append(capsys.readouterr().err)
        end(worker)

    def interrupted(workers: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Worker, "kill", kill)
    monkeypatch.setattr(workers_module, "_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(Workers(2).compute([Cell("long"), Cell("long", seed=1)]))
    assert said_before == ["stopping 2 workers; what is computed is kept\n", ""]


@pytest.mark.usefixtures("forked")
def test_workers_that_have_computed_all_end_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(list(Workers(2).compute(CELLS[2:]))) == 3
    assert "stopping" not in capsys.readouterr().err


def test_a_worker_that_never_began_is_ended_at_once() -> None:
    worker = Worker("")
    worker.begin(None)
    worker.interrupt()
    worker.kill()
