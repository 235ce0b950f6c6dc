"""A grid that is killed, stopped or in company: nothing is lost, and the end is the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.command_line import invoke, stored, succeeded, task, write_pictures
from support.file_systems import enlarge, small_disk

from benchbench.runs.started import StartLog

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("BENCHBENCH_TEST_KILLS", "5"))
"""Of the grid that is killed again and again; raise it before a release."""

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


@pytest.fixture(scope="module")
def small(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path, str]:
    """A grid of cells that take a second, a folder in which nobody disturbed it, and its tables."""
    options = {"methods": "knn[backbone=pixels],protonet", "shot": "1,2", "seed": "0,1"}
    command = task(pictures, 40, budget="smoke", threads=1, **options)
    out = tmp_path_factory.mktemp("undisturbed")
    return command, out, succeeded(*command, "--out", out).stdout


def test_killed_at_random_moments(
    small: tuple[list[str], Path, str], tmp_path: Path, record_property: Callable[..., None]
) -> None:
    """The command, a worker or both; a grid that has been done is compared, and begun anew."""
    typed, undisturbed, tables = small
    rng, counts, out = random.Random(0), Counter[str](), tmp_path / "0"
    for number in range(KILLS):
        command = begun([*typed, "--out", str(out), "--workers", "2"])
        counts[killed(command, out, rng)] += 1
        assert_readable(out)
        if command.returncode == 0 or number == KILLS - 1:
            assert succeeded(*typed, "--out", out, "--retry").stdout == tables
            assert outcomes(out) == outcomes(undisturbed)
            counts["grids that were done, with the bytes of one that nobody disturbed"] += 1
            out = tmp_path / str(number + 1)
    for what, count in counts.items():
        record_property(what, count)
    print(dict(counts))


def killed(command: subprocess.Popen[str], out: Path, rng: random.Random) -> str:
    """Kill the command, one of its workers or both at a random moment; what came of it."""
    before = len(StartLog(out).lines())
    until(lambda: len(StartLog(out).lines()) > before, command)
    time.sleep(rng.uniform(0, 2))
    workers: list[int] = []
    victims: list[int] = []
    if command.poll() is None:
        workers = workers_of(command)
        victims = rng.choice([[command.pid], workers[:1], [*workers[:1], command.pid]])
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
    _, stderr = command.communicate(timeout=300)
    assert "Traceback" not in stderr, stderr
    assert command.returncode in (0, 1, -signal.SIGKILL), stderr
    if not victims:
        return "it ended, or had no worker yet"
    what = {(True, False): "the command", (False, True): "a worker", (True, True): "both"}
    who = what[command.pid in victims, bool(set(workers) & set(victims))]
    failed = ", a cell failed" if "its worker is gone" in stderr else ""
    return f"{who} killed{failed}, code {command.returncode}"


def assert_readable(out: Path) -> None:
    """No cell is running any more, and whatever is stored can be read."""
    if not out.exists():
        return
    told = succeeded("status", out).stdout
    assert "running" not in told, "a worker has outlived its command"
    assert " failed" not in told
    board = invoke("leaderboard", "--out", "-", out)
    assert "left out" not in board.stderr, board.stderr


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


def test_a_disk_that_is_full_is_a_reason_and_loses_nothing(
    pictures: str, expected: tuple[Path, str], tmp_path: Path
) -> None:
    """There new files are made, and stay empty."""
    out = tmp_path / "disk"
    with small_disk(out, 2):
        command = begun(grid(pictures, out))
        stdout, stderr = command.communicate(timeout=300)
        assert command.returncode in (1, 2), stderr
        assert "Traceback" not in stderr
        assert "failed: " in stdout or "Cannot write" in stderr
        assert "left out" not in invoke("leaderboard", "--out", "-", out).stderr
        enlarge(out, 64)
        again = succeeded(*grid(pictures, out)[:-2], "--retry")
        assert again.stdout == expected[1]
        assert outcomes(out) == outcomes(expected[0])
