"""A grid that is killed, stopped or in company: nothing is lost, and the end is the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.command_line import invoke, stored, succeeded, task, write_pictures

from benchbench.runs.started import StartLog

pytestmark = pytest.mark.slow

KILLS = 50
EPISODES = 600


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"folder:{write_pictures(tmp_path_factory.mktemp('images') / 'some')}[size=16]"


def grid(pictures: str, out: Path, *more: object) -> list[str]:
    options = {"methods": "knn[backbone=pixels],protonet", "shot": "1,2", "seed": "0..2"}
    command = task(pictures, EPISODES, out=out, threads=1, **options)
    return [*command, "--workers", "2", *map(str, more)]


@pytest.fixture(scope="module")
def expected(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("expected")
    return out, succeeded(*grid(pictures, out)[:-2]).stdout


def outcomes(out: Path) -> dict[str, bytes]:
    patterns = ("episodes.csv", "answers.csv.gz", "predictions.csv", "*.safetensors")
    return {file: text for each in patterns for file, text in stored(out, each).items()}


def begun(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchbench.cli", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def until(condition: Callable[[], object], command: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 300
    while command.poll() is None and not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def workers_of(command: subprocess.Popen[str]) -> list[int]:
    """The processes of its workers, as far as they have begun."""
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
    return [pid for pid, line in lines.items() if "spawn_main" in line]


def assert_whole(out: Path, pictures: str, expected: tuple[Path, str]) -> None:
    """What is left to do is done; files and tables are those of the grid that nobody disturbed."""
    last = succeeded(*grid(pictures, out)[:-2])
    assert last.stdout == expected[1]
    assert outcomes(out) == outcomes(expected[0])
    assert "12 done" in succeeded("status", out).stdout


def test_killed_at_random_moments(
    pictures: str, expected: tuple[Path, str], tmp_path: Path
) -> None:
    """The command or one of its workers, again and again, until it has ended."""
    rng = random.Random(0)
    for _ in range(KILLS):
        command = begun(grid(pictures, tmp_path))
        rows = sum(map(len, stored(tmp_path).values()))
        until(lambda rows=rows: sum(map(len, stored(tmp_path).values())) > rows, command)
        time.sleep(rng.uniform(0, 1))
        if command.poll() is None:
            victims = [command.pid, *workers_of(command)]
            os.kill(rng.choice(victims), signal.SIGKILL)
            command.kill() if rng.random() < 0.5 else None
        _, stderr = command.communicate(timeout=300)
        assert "Traceback" not in stderr, stderr
        assert command.returncode in (0, 1, -signal.SIGKILL)
        told = succeeded("status", tmp_path).stdout
        assert "running" not in told, "a worker has outlived its command"
        assert " failed" not in told
        board = invoke("leaderboard", "--out", "-", tmp_path)
        assert "left out" not in board.stderr, board.stderr
    assert_whole(tmp_path, pictures, expected)


def test_a_worker_that_is_stopped_goes_on_where_it_was(
    pictures: str, expected: tuple[Path, str], tmp_path: Path
) -> None:
    command = begun(grid(pictures, tmp_path))
    until(lambda: stored(tmp_path), command)
    (stopped, *_) = workers_of(command)
    os.kill(stopped, signal.SIGSTOP)
    try:
        time.sleep(3)
        assert command.poll() is None
        assert " running" in succeeded("status", tmp_path).stdout
    finally:
        os.kill(stopped, signal.SIGCONT)
    stdout, stderr = command.communicate(timeout=300)
    assert command.returncode == 0, stderr
    assert stdout == expected[1]
    assert outcomes(tmp_path) == outcomes(expected[0])


def test_two_commands_on_one_folder(
    pictures: str, expected: tuple[Path, str], tmp_path: Path
) -> None:
    """Each says which cells the other was at; with --claim, neither has any of these."""
    both = [begun(grid(pictures, tmp_path)) for _ in range(2)]
    for command in both:
        _, stderr = command.communicate(timeout=300)
        assert "Traceback" not in stderr
        assert command.returncode == 0 or "another process is running it" in stderr
    assert_whole(tmp_path, pictures, expected)
    claims = [begun(grid(pictures, tmp_path / "claims", "--claim")) for _ in range(2)]
    for command in claims:
        stdout, stderr = command.communicate(timeout=300)
        assert (command.returncode, stdout) == (0, expected[1]), stderr
    assert len(StartLog(tmp_path / "claims").lines()) == 12
    assert outcomes(tmp_path / "claims") == outcomes(expected[0])


def test_a_claim_takes_over_from_who_dies(
    pictures: str, expected: tuple[Path, str], tmp_path: Path
) -> None:
    first = begun(grid(pictures, tmp_path, "--claim"))
    until(lambda: len(stored(tmp_path)) >= 2, first)
    second = begun(grid(pictures, tmp_path, "--claim"))
    until(lambda: len(stored(tmp_path)) >= 4, second)
    first.kill()
    first.communicate()
    stdout, stderr = second.communicate(timeout=300)
    assert (second.returncode, stdout) == (0, expected[1]), stderr
    assert outcomes(tmp_path) == outcomes(expected[0])


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """A block in whose processes no file may grow beyond so many bytes, as on a full disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_is_a_reason_and_loses_nothing(
    pictures: str, expected: tuple[Path, str], tmp_path: Path
) -> None:
    with room_for(20_000):
        command = begun(grid(pictures, tmp_path))
    stdout, stderr = command.communicate(timeout=300)
    assert command.returncode == 1
    assert "failed: " in stdout  # torch has words of its own for it
    assert "Traceback" not in stderr
    assert "left out" not in invoke("leaderboard", "--out", "-", tmp_path).stderr
    again = succeeded(*grid(pictures, tmp_path, "--retry")[:-3], "--retry")
    assert again.stdout == expected[1]
    assert outcomes(tmp_path) == outcomes(expected[0])
