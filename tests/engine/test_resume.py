"""Interruption at any moment: nothing is lost, and the end is the end of an uninterrupted run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.installations import install, methods_of
from support.warm import run_module

EPISODES, STEPS = 60, 12

METHOD = "protonet[backbone=conv4[width=4]]"
"""It trains, checkpoint by checkpoint, and its steps are short."""

DEATH = """
# Kill this process at a moment: a step of writing the store, which is before and after a file takes
# its place, an episodes.csv that is opened and still empty, one whose last row is half written. The
# file LOG gets the moments that went by.

import os
import signal
from pathlib import Path

import benchbench.runs.directory
import benchbench.training.fit

benchbench.training.fit.CHECKPOINT_SECONDS = 0.0
benchbench.runs.directory.FLUSH_EVERY = 7

log = os.open(LOG, os.O_WRONLY | os.O_CREAT)
seen = 0


def moment(name):
    global seen
    seen += 1
    os.write(log, f"{name}\\n".encode())
    if KILL_AT in (name, seen):
        os.kill(os.getpid(), signal.SIGKILL)


def replace(self, target):
    moment(f"before {Path(target).name}")
    result = original_replace(self, target)
    moment(f"after {Path(target).name}")
    return result


def flush(self):
    if self._pending:
        predictions, self._predictions = self._predictions, []
        if predictions:
            benchbench.runs.directory.add_predictions(self.path / "predictions.csv", predictions)
        file = self.path / "episodes.csv"
        if not file.exists():
            if KILL_AT == "header":
                file.write_text("episode,n_w")
            else:
                file.touch()
            moment("header" if KILL_AT == "header" else "empty")
            file.unlink()
        length = file.stat().st_size if file.exists() else 0
        with file.open("a") as stream:
            stream.write(("\\n".join(self._pending) + "\\n")[:-15])
        moment("torn row")
        if length:
            os.truncate(file, length)
        else:
            file.unlink()
    original_flush(self)
    moment("rows")


original_replace, Path.replace = Path.replace, replace
original_flush = benchbench.runs.directory.RunDirectory.flush
benchbench.runs.directory.RunDirectory.flush = flush
"""

PLUGIN = '''
import random

import numpy as np
import torch
from torch import nn

from benchbench import Method, fit, hookimpl


class Noisy(Method):
    """Learns with noise, as augmentations do, from the generator that a subclass names."""

    def train(self, source):
        self.source = source
        self.layer = nn.Linear(source.image_shape[0] * source.image_shape[1], 8)
        with torch.no_grad():
            self.layer.weight.fill_(0.01)
        fit(source, self.layer, self.loss, source.batches(8), steps=12, lr=0.1)

    def loss(self, batch):
        images = torch.from_numpy(batch.images.array.copy()).float().flatten(1) / 255
        return ((self.layer(images) - self.noise()) ** 2).mean()

    def adapt(self, support):
        known = self.embed(support.images)
        return lambda images: -torch.cdist(self.embed(images), known)[:, support.labels.argsort()]

    def embed(self, images):
        return self.layer(torch.from_numpy(images.array.copy()).float().flatten(1) / 255)


class TorchNoise(Noisy):
    name = "torch_noise"

    def noise(self):
        return float(torch.rand(()))


class NumpyNoise(Noisy):
    name = "numpy_noise"

    def noise(self):
        return np.random.rand()


class PythonNoise(Noisy):
    name = "python_noise"

    def noise(self):
        return random.random()


class SourceNoise(Noisy):
    name = "source_noise"

    def noise(self):
        return self.source.rng.random()


@hookimpl
def register_methods(register):
    for cls in (TorchNoise, NumpyNoise, PythonNoise, SourceNoise):
        register(cls)
'''

NOISY = ("torch_noise", "numpy_noise", "python_noise", "source_noise")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The spec of a folder of small grey images: noisy copies of one pattern a class."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(15):
        pattern = rng.integers(0, 256, (16, 16))
        place = folder / f"class{number:02}"
        place.mkdir()
        for index in range(8):
            noisy = np.clip(pattern + rng.integers(-300, 301, pattern.shape), 0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(place / f"{index}.png")
    return f"folder:{folder}[size=16]"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One thread, and a third-party package of methods whose training draws random numbers."""
    site = tmp_path_factory.mktemp("site")
    install(site, "noisy", {"noisy_methods": PLUGIN}, methods_of("noisy_methods", NOISY))
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site)}


@pytest.fixture(scope="module")
def attempt(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Callable[..., dict]:
    """`attempt(*arguments, kill_at=None)`: the command in a process that dies at that moment."""

    def ask(*arguments: object, kill_at: str | int | None = None) -> dict:
        log = tmp_path_factory.mktemp("moments") / "log"
        before = f"LOG, KILL_AT = {str(log)!r}, {kill_at!r}\n{DEATH}"
        done = run_module("benchbench.cli", *arguments, environment=environment, before=before)
        return {
            "code": done.returncode,
            "stdout": done.stdout,
            "stderr": done.stderr,
            "moments": log.read_text().splitlines(),
        }

    return ask


def task(pictures: str, out: Path, method: str = METHOD, **options: object) -> list[str]:
    chosen = {
        "methods": method,
        "dataset": pictures,
        "way": 3,
        "query": 4,
        "episodes": EPISODES,
        "budget": STEPS,
        "out": out,
        **options,
    }
    return ["run", *(text for key, value in chosen.items() for text in (f"--{key}", str(value)))]


def results(out: Path) -> dict[str, bytes]:
    """The files that must not depend on an interruption."""
    patterns = ("episodes.csv", "predictions.csv", "*.safetensors")
    files = [file for pattern in patterns for file in out.rglob(pattern)]
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def assert_readable(attempt: Callable[..., dict], out: Path) -> None:
    board = attempt("leaderboard", "--out", "-", out)
    assert board["code"] == 0, board["stderr"]
    assert "Traceback" not in board["stderr"]
    for file in out.rglob("episodes.csv"):
        assert whole_rows(file.with_name("predictions.csv")) >= min(20, whole_rows(file))


def whole_rows(file: Path) -> int:
    """The rows below the header that end in a line feed."""
    return max(0, file.read_bytes().count(b"\n") - 1) if file.exists() else 0


@pytest.fixture(scope="module")
def uninterrupted(
    pictures: str,
    environment: dict[str, str],
    attempt: Callable[..., dict],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., tuple[Path, str]]:
    """`uninterrupted(method)`: its folder and table, made once; METHOD's by the plain program."""
    made: dict[str, tuple[Path, str]] = {}

    def make(method: str = METHOD) -> tuple[Path, str]:
        if method not in made:
            out = tmp_path_factory.mktemp("uninterrupted")
            if method != METHOD:
                done = attempt(*task(pictures, out, method))
                assert done["code"] == 0, done["stderr"]
                made[method] = out, done["stdout"]
                return made[method]
            done = subprocess.run(
                [sys.executable, "-m", "benchbench.cli", *task(pictures, out, method)],
                env={**environment, "BENCHBENCH_ENGINE": "worker"},
                capture_output=True,
                encoding="utf-8",
            )
            assert done.returncode == 0, done.stderr
            made[method] = out, done.stdout
        return made[method]

    return make


def assert_ends_alike(
    attempt: Callable[..., dict],
    arguments: list[str],
    out: Path,
    expected: tuple[Path, str],
) -> dict:
    """Run to the end; files and table are those of the uninterrupted run."""
    last = attempt(*arguments)
    assert last["code"] == 0, last["stderr"]
    reference, table = expected
    assert last["stdout"] == table
    assert results(out) == results(reference)
    assert not list(out.rglob("*.checkpoint"))
    assert not list(out.rglob("error.txt"))
    return last


MOMENTS = [
    "after manifest.json",
    "after training.checkpoint",
    "before training.json",
    "after training.json",
    "empty",
    "header",
    "torn row",
    "before predictions.csv",
    "after predictions.csv",
    "last",
]
MORE_MOMENTS = [
    "before manifest.json",
    "before training.checkpoint",
    "before training.safetensors",
    "after training.safetensors",
    "rows",
    30,
    45,
]


@pytest.mark.parametrize(
    "kill_at", [*MOMENTS, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE_MOMENTS)]
)
def test_killed_at_one_moment(
    attempt: Callable[..., dict],
    uninterrupted: Callable[..., tuple[Path, str]],
    pictures: str,
    tmp_path: Path,
    kill_at: str | int,
) -> None:
    if kill_at == "last":  # the last manifest, complete but not in its place
        kill_at = len(attempt(*task(pictures, tmp_path / "count"))["moments"]) - 1
    out = tmp_path / "out"
    killed = attempt(*task(pictures, out), kill_at=kill_at)
    assert killed["code"] == -signal.SIGKILL
    assert killed["stdout"] == ""
    assert_readable(attempt, out)
    assert_ends_alike(attempt, task(pictures, out), out, uninterrupted())
    assert_readable(attempt, out)


@pytest.mark.parametrize(
    "method", [METHOD, pytest.param("knn[backbone=conv4]", marks=pytest.mark.slow)]
)
def test_killed_again_and_again(
    attempt: Callable[..., dict],
    uninterrupted: Callable[..., tuple[Path, str]],
    pictures: str,
    tmp_path: Path,
    method: str,
) -> None:
    rng = random.Random(method)
    kills = 0
    while True:
        done = attempt(*task(pictures, tmp_path, method), kill_at=rng.randint(6, 24))
        if done["code"] == 0:
            break
        assert done["code"] == -signal.SIGKILL, done["stderr"]
        kills += 1
        assert kills < 60
        if kills % 3 == 1:
            assert_readable(attempt, tmp_path)
    assert kills >= 4
    assert_ends_alike(attempt, task(pictures, tmp_path, method), tmp_path, uninterrupted(method))


def test_training_goes_on_from_its_checkpoint(
    attempt: Callable[..., dict], pictures: str, tmp_path: Path
) -> None:
    """It is not begun again: as many steps are missing as were done."""
    whole = attempt(*task(pictures, tmp_path / "whole"))["moments"]
    killed = attempt(*task(pictures, tmp_path / "out"), kill_at=20)
    rest = attempt(*task(pictures, tmp_path / "out"))
    assert "resumes from step" in rest["stderr"]
    steps, done, left = (
        moments.count("after training.checkpoint")
        for moments in (whole, killed["moments"], rest["moments"])
    )
    assert done > 5
    assert done + left in (steps, steps + 1)


def test_finished_training_is_not_repeated(
    attempt: Callable[..., dict], pictures: str, tmp_path: Path
) -> None:
    attempt(*task(pictures, tmp_path), kill_at="torn row")
    rest = attempt(*task(pictures, tmp_path))
    assert rest["code"] == 0
    assert not any("training" in moment for moment in rest["moments"])


@pytest.mark.parametrize(
    "method",
    [
        "numpy_noise",
        "source_noise",
        pytest.param("python_noise", marks=pytest.mark.slow),
        pytest.param("torch_noise", marks=pytest.mark.slow),
    ],
)
def test_random_numbers_of_a_loss_go_on(
    attempt: Callable[..., dict],
    uninterrupted: Callable[..., tuple[Path, str]],
    pictures: str,
    tmp_path: Path,
    method: str,
) -> None:
    killed = attempt(*task(pictures, tmp_path, method), kill_at=20)
    assert killed["code"] == -signal.SIGKILL
    assert any("checkpoint" in moment for moment in killed["moments"])
    assert_ends_alike(attempt, task(pictures, tmp_path, method), tmp_path, uninterrupted(method))


def test_a_finished_run_survives_a_kill_while_more_episodes_are_scored(
    attempt: Callable[..., dict],
    uninterrupted: Callable[..., tuple[Path, str]],
    pictures: str,
    tmp_path: Path,
) -> None:
    _, table = uninterrupted()
    assert attempt(*task(pictures, tmp_path))["stdout"] == table
    killed = attempt(*task(pictures, tmp_path, episodes=3 * EPISODES), kill_at="torn row")
    assert killed["code"] == -signal.SIGKILL
    board = attempt("leaderboard", "--out", "-", tmp_path)
    assert board["code"] == 0, board["stderr"]
    assert "protonet" in board["stdout"], "the finished episodes are no longer listed"
    assert attempt(*task(pictures, tmp_path))["stdout"] == table
    whole = attempt(*task(pictures, tmp_path / "whole", episodes=3 * EPISODES))
    grown = attempt(*task(pictures, tmp_path, episodes=3 * EPISODES))
    assert grown["stdout"] == whole["stdout"]


def start(
    arguments: list[str], environment: dict[str, str], script: Path, **options: object
) -> subprocess.Popen[str]:
    script.write_text(
        "import benchbench.cli.main, benchbench.training.fit\n"
        "benchbench.training.fit.CHECKPOINT_SECONDS = 0.0\n"
        "if __name__ == '__main__':\n"
        "    benchbench.cli.main.main()\n"
    )
    return subprocess.Popen(
        [sys.executable, script, *arguments],
        env={**environment, "BENCHBENCH_ENGINE": "worker"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **options,
    )


def wait_for(out: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    while not list(out.rglob(pattern)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_by_a_person(
    attempt: Callable[..., dict],
    uninterrupted: Callable[..., tuple[Path, str]],
    pictures: str,
    environment: dict[str, str],
    tmp_path: Path,
    kind: signal.Signals,
) -> None:
    """Ctrl-C and a batch system's TERM: no traceback, no success, and the same command goes on."""
    out = tmp_path / "out"
    process = start(task(pictures, out), environment, tmp_path / "script.py")
    wait_for(out, "training.checkpoint", process)
    process.send_signal(kind)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode not in (0, 1, 2), "1 and 2 mean something else"
    assert "Traceback" not in stderr
    assert stdout == ""
    assert_readable(attempt, out)
    assert_ends_alike(attempt, task(pictures, out), out, uninterrupted())


def test_two_equal_commands_at_once(
    uninterrupted: Callable[..., tuple[Path, str]],
    attempt: Callable[..., dict],
    pictures: str,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """One of them may decline, and says so; neither spoils what the other stores."""
    out = tmp_path / "out"
    both = [start(task(pictures, out), environment, tmp_path / f"{index}.py") for index in range(2)]
    ended = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) in ([0, 0], [0, 1])
    for process, (_, stderr) in zip(both, ended, strict=True):
        assert "Traceback" not in stderr
        assert process.returncode == 0 or "another process" in stderr
    assert results(out) == results(uninterrupted()[0])
    assert_ends_alike(attempt, task(pictures, out), out, uninterrupted())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_from_outside_at_random(
    attempt: Callable[..., dict],
    uninterrupted: Callable[..., tuple[Path, str]],
    pictures: str,
    environment: dict[str, str],
    tmp_path: Path,
    seed: int,
) -> None:
    rng = random.Random(seed)
    out = tmp_path / "out"
    for _ in range(5):
        process = start(task(pictures, out), environment, tmp_path / "script.py")
        pattern = rng.choice(["*.checkpoint", "training.*", "episodes.csv", ".lock"])
        while process.poll() is None and not list(out.rglob(pattern)):  # it may end before that
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 1.5))
        process.kill()
        process.communicate()
        assert_readable(attempt, out)
    assert_ends_alike(attempt, task(pictures, out), out, uninterrupted())
