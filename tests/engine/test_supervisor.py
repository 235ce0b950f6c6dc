"""Isolation: whatever ends or hangs one method's process, the others run and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
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

from benchbench.errors import MethodError, reason_of
from benchbench.evaluation.settings import Limits, Phase

PLUGIN = '''
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

from dataclasses import dataclass

import numpy as np
import torch

from benchbench import Method, hookimpl


class Chance(Method):
    """Scores that know nothing, up to the episode in which a subclass ends."""

    name = "chance"
    breaks_at = 17

    def train(self, source):
        self.adapted = 0

    def adapt(self, support):
        self.adapted += 1
        if self.adapted > self.breaks_at and not os.environ.get("ALL_IS_WELL"):
            self.end()
        rng = np.random.default_rng(support.seed)
        return lambda images: rng.random((len(images), support.n_way))

    def end(self):
        pass


class Killed(Chance):
    name = "killed"

    def end(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Segfault(Chance):
    name = "segfault"

    def end(self):
        ctypes.string_at(0)


class Leaves(Chance):
    name = "leaves"

    def end(self):
        os._exit(3)


class SystemExits(Chance):
    name = "system_exits"

    def end(self):
        sys.exit(4)


class Loops(Chance):
    name = "loops"

    def end(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass


class LoopsInC(Chance):
    name = "loops_in_c"

    def end(self):
        re.match(r"(a+)+$", 60 * "a" + "b")


class LoopsTogether(Chance):
    name = "loops_together"
    breaks_at = 40

    def adapt_many(self, supports):
        return [self.adapt(support) for support in supports]

    def end(self):
        time.sleep(1000)


class LoopsInTraining(Chance):
    name = "loops_in_training"

    def train(self, source):
        self.adapted = 0
        while not os.environ.get("ALL_IS_WELL"):
            pass


class LeavesAChild(Chance):
    name = "leaves_a_child"

    def end(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "left behind"])
        os._exit(5)


class NeedsMemory(Chance):
    name = "needs_memory"

    def end(self):
        raise MemoryError("no room")


class NeedsTensorMemory(Chance):
    name = "needs_tensor_memory"

    def end(self):
        torch.empty(2**60)


class NotANumber(Chance):
    name = "not_a_number"

    def adapt(self, support):
        return lambda images: np.full((len(images), support.n_way), np.nan)


class HangsInTheAudit(Chance):
    name = "hangs_in_the_audit"
    breaks_at = 30

    def end(self):
        time.sleep(1000)


@dataclass
class Lonely(Chance):
    """Says in which process it is trained, and which plug-ins that has imported."""

    name = "lonely"
    number: int = 1

    def train(self, source):
        self.adapted = 0
        own = [name for name in sys.modules if name.startswith("benchbench_plugins.")]
        strangers = [name for name in sys.modules if name == "planted"]
        print(f"process {os.getpid()} with {own} and {strangers}")


class Prints(Chance):
    name = "prints"

    def train(self, source):
        self.adapted = 0
        print("printed by a method", sys.stdin.read())


@hookimpl
def register_methods(register):
    for cls in (Chance, *Chance.__subclasses__()):
        register(cls)
'''

NAMES = tuple(re.findall(r'^    name = "(\w+)"', PLUGIN, re.MULTILINE))
EPISODES = 30


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(15):
        place = folder / f"class{number:02}"
        place.mkdir()
        for index in range(8):
            noise = rng.integers(0, 256, (16, 16)).astype(np.uint8)
            Image.fromarray(noise).save(place / f"{index}.png")
    return f"folder:{folder}[size=16]"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    site = tmp_path_factory.mktemp("site")
    install(site, "planted", {"planted": PLUGIN}, methods_of("planted", NAMES))
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site)}
    variables.pop("BENCHBENCH_ENGINE", None)
    return variables


Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def command(pictures: str, out: Path, methods: str, *options: object) -> list[str]:
    arguments = ["run", "--methods", methods, "--dataset", pictures, "--way", 3, "--query", 4]
    # An audit would meet the planted faults before any episode does.
    audit = [] if "--audit" in options else ["--no-audit"]
    arguments += ["--episodes", EPISODES, "--budget", 2, "--out", out, *audit, *options]
    return list(map(str, arguments))


@pytest.fixture(scope="module")
def start(pictures: str, environment: dict[str, str]) -> Start:
    """Starts a run of a method into a folder, in an interpreter of its own."""

    def started(out: Path, method: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "benchbench.cli", *command(pictures, out, method)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    return started


@pytest.fixture(scope="module")
def run(pictures: str, environment: dict[str, str]) -> Run:
    """Runs methods into a folder, with further options and variables; no traceback is printed."""

    def ran(
        out: Path, methods: str, *options: object, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        done = run_module(
            "benchbench.cli",
            *command(pictures, out, methods, *options),
            environment={**environment, **variables},
            timeout=240,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return ran


def manifests(out: Path) -> dict[str, dict]:
    loaded = [json.loads(file.read_text()) for file in out.rglob("manifest.json")]
    return {manifest["method"]["name"]: manifest for manifest in loaded}


def folder(out: Path, method: str) -> Path:
    (found,) = out.glob(f"*/*/{method}-????????")
    return found


def rows(out: Path, method: str) -> int:
    file = folder(out, method) / "episodes.csv"
    return max(0, file.read_bytes().count(b"\n") - 1) if file.exists() else 0


def running(words: str) -> list[str]:
    """The processes of this machine whose command line holds the words."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line:
            found.append(line)
    return found


def assert_nothing_runs(words: str) -> None:
    until = time.monotonic() + 10
    while left := running(words):
        assert time.monotonic() < until, left
        time.sleep(0.05)


FAILURES = {
    "killed": "the process was killed (SIGKILL), perhaps for lack of memory",
    "segfault": "the process crashed (SIGSEGV)",
    "leaves": "the process exited with code 3",
    "leaves_a_child": "the process exited with code 5",
    "system_exits": "the process exited with code 4",
    "loops": "episode 17 took longer than 3 s (--timeout)",
    "loops_in_c": "episode 17 took longer than 3 s (--timeout)",
    "loops_in_training": "training took longer than 2.5 s (--training-timeout)",
    "needs_memory": "out of memory: no room",
    "needs_tensor_memory": "out of memory: ",
    "not_a_number": "the scores hold NaN or infinity",
}
AT_ONCE = ("loops_in_training", "not_a_number")
"""Those that fail before an episode is scored; the others do in episode 17."""

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture(scope="module")
def failures(
    run: Run, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The results folder and the output of a command whose methods all fail, but the last."""
    out = tmp_path_factory.mktemp("failures")
    limits = ("--timeout", 3, "--training-timeout", 2.5)
    done = run(out, ",".join([*FAILURES, "chance"]), *limits)
    assert done.returncode == 1, done.stderr
    assert_nothing_runs(environment["PYTHONPATH"])
    assert_nothing_runs("left behind")
    return out, done


@posix
@pytest.mark.parametrize(("method", "reason"), FAILURES.items())
def test_a_failure_is_told_in_one_sentence_and_keeps_what_was_scored(
    failures: tuple[Path, subprocess.CompletedProcess[str]], method: str, reason: str
) -> None:
    out, done = failures
    (told,) = [line for line in done.stderr.splitlines() if line.startswith(f"{method} failed")]
    assert f"failed: {reason}" in told
    assert re.search(rf"\| {method} +\| .*\| failed: {re.escape(reason)}", done.stdout)
    failed = manifests(out)[method]
    assert failed["status"] == "failed"
    assert failed["reason"].startswith(reason)
    sentence = failed["reason"].removeprefix("out of memory: ")
    assert sentence in (folder(out, method) / "error.txt").read_text()
    assert rows(out, method) == (0 if method in AT_ONCE else 17)


@posix
def test_the_healthy_method_beside_them_finishes(
    failures: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, done = failures
    assert re.search(rf"\| chance +\| .*\| +{EPISODES} \|", done.stdout)
    assert manifests(out)["chance"]["status"] == "finished"


@posix
@pytest.mark.parametrize("method", ["loops", "loops_in_c", "segfault"])
def test_where_a_method_hung_or_crashed_is_told(
    failures: tuple[Path, subprocess.CompletedProcess[str]], method: str
) -> None:
    error = (folder(failures[0], method) / "error.txt").read_text()
    assert re.search(r'planted.py", line \d+ in end', error)


@posix
def test_mended_methods_go_on_from_what_was_kept(
    failures: tuple[Path, subprocess.CompletedProcess[str]], run: Run, tmp_path: Path
) -> None:
    out = shutil.copytree(failures[0], tmp_path / "out")
    mended = sorted(set(FAILURES) - {"not_a_number"})
    whole = tmp_path / "whole"
    for results in (out, whole):
        done = run(results, ",".join(mended), "--retry", ALL_IS_WELL="yes")
        assert done.returncode == 0, done.stderr
    for method in mended:
        for name in ("episodes.csv", "predictions.csv"):
            expected = (folder(whole, method) / name).read_bytes()
            assert (folder(out, method) / name).read_bytes() == expected
        assert not (folder(out, method) / "error.txt").exists()


def test_episodes_adapted_together_share_their_time(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path / "out", "loops_together", "--episodes", 50, "--timeout", 0.1)
    reason = "episodes 32 to 49 together took longer than 18 x 0.1 s (--timeout)"
    assert f"loops_together failed: {reason}" in done.stderr
    assert rows(tmp_path / "out", "loops_together") == 32


def test_both_engines_store_the_same_bits(run: Run, tmp_path: Path) -> None:
    contents = []
    for engine in ("worker", "inline"):
        out = tmp_path / engine
        done = run(out, "protonet,knn,chance", "--engine", engine, BENCHBENCH_SALT="one")
        assert done.returncode == 0, done.stderr
        patterns = ("episodes.csv", "predictions.csv", "*.safetensors")
        files = [file for pattern in patterns for file in out.rglob(pattern)]
        bits = {str(file.relative_to(out)): file.read_bytes() for file in files}
        contents.append((done.stdout, bits))
    assert len(contents[0][1]) >= 7
    assert contents[0] == contents[1]
    commands = [manifests(tmp_path / name)["knn"]["command"] for name in ("worker", "inline")]
    assert [command[1:3] for command in commands] == 2 * [["run", "--methods"]]


def test_each_method_has_a_fresh_process_with_no_other_method(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "lonely,knn,lonely[number=2]")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"process (\d+) with (\S+) and (\S*)", done.stderr)
    assert len(found) == len({process for process, _, _ in found}) == 2
    assert {(plugins, strangers) for _, plugins, strangers in found} == {("[]", "['planted']")}


def test_what_a_method_prints_stays_out_of_the_table(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "prints")
    assert done.returncode == 0, done.stderr
    assert "printed by a method" in done.stderr
    assert all(line.startswith("|") for line in done.stdout.splitlines())


@posix
@pytest.mark.parametrize(
    ("kind", "code", "method"),
    [
        (signal.SIGINT, 130, "loops"),
        pytest.param(signal.SIGINT, 130, "loops_in_c", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, -15, "loops", marks=pytest.mark.slow),
        (signal.SIGTERM, -15, "loops_in_c"),
        pytest.param(signal.SIGKILL, -9, "loops", marks=pytest.mark.slow),
        (signal.SIGKILL, -9, "loops_in_c"),
    ],
)
def test_a_parent_that_ends_leaves_no_worker(
    start: Start,
    run: Run,
    environment: dict[str, str],
    tmp_path: Path,
    kind: signal.Signals,
    code: int,
    method: str,
) -> None:
    if kind != signal.SIGINT and sys.platform != "linux":
        pytest.skip("only Linux kills a process whose interpreter is busy with its parent")
    process = start(tmp_path / "out", method)
    until = time.monotonic() + 60
    while not list((tmp_path / "out").rglob("manifest.json")):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(kind)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert_nothing_runs(environment["PYTHONPATH"])
    if kind == signal.SIGINT:
        assert "resumes from here" in stderr
        assert rows(tmp_path / "out", method) == 17
    assert run(tmp_path / "out", method, ALL_IS_WELL="yes").returncode == 0


def test_a_timeout_needs_a_worker(run: Run, tmp_path: Path) -> None:
    for option in ("--timeout", "--training-timeout"):
        refused = run(tmp_path, "knn", "--engine", "inline", option, 5)
        assert refused.returncode == 2
        assert "--engine worker" in refused.stderr.splitlines()[-1]
    assert run(tmp_path, "knn", BENCHBENCH_ENGINE="elsewhere").returncode == 2
    assert run(tmp_path, "knn", "--timeout", 0).returncode == 2


def test_limits() -> None:
    limits = Limits(episode=2.5, training=9)
    assert limits.seconds(Phase("training")) == 9
    assert limits.seconds(Phase("episodes", 64, 32)) == 80
    assert limits.seconds(Phase("other")) == float("inf")
    assert limits.exceeded(Phase("episodes", 3, 1)).startswith("episode 3 took longer than 2.5 s")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried"), "out of memory: CUDA out of memory. Tried"),
        (RuntimeError("no room"), "RuntimeError: no room"),
        (MethodError("out of memory"), "out of memory"),
    ],
)
def test_lack_of_memory_is_named(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@posix
def test_an_audit_that_hangs_costs_no_score(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "hangs_in_the_audit,knn[backbone=pixels]", "--timeout", 0.5, "--audit")
    assert done.returncode == 0, done.stderr
    audits = {name: manifest["audit"] for name, manifest in manifests(tmp_path).items()}
    assert audits["knn"]["inductive"] is True
    assert audits["hangs_in_the_audit"]["reason"] == (
        "it could not be made: the audit took longer than 10 x 0.5 s (--timeout); --no-audit "
        "leaves it out"
    )
    assert rows(tmp_path, "hangs_in_the_audit") == EPISODES
