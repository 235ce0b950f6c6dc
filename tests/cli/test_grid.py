"""`benchbench run` with many cells: tables, files, shards, claims, workers, and what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import (
    assert_one_sentence,
    invoke,
    manifests,
    process,
    refused,
    stored,
    succeeded,
    task,
)

from benchbench.grid import sharing
from benchbench.grid.wanted import read_wanted
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store

GRID = {"methods": "near=knn[backbone=pixels],chance_less=protonet[backbone=pixels]"}
"""Two methods that learn nothing, by names."""


def grid(pictures: str, out: Path, *more: object, **options: object) -> list[str]:
    chosen = {"shot": "1,2", "seed": "0..1", **GRID, **options}
    return [*task(pictures, out=out, **chosen), *map(str, more)]


def outcomes(out: Path) -> dict[str, bytes]:
    """The files that must not depend on what computed them, and where."""
    patterns = ("episodes.csv", "answers.csv.gz", "predictions.csv", "*.safetensors")
    return {file: text for each in patterns for file, text in stored(out, each).items()}


@pytest.fixture(scope="module")
def serial(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The results folder and the tables of the grid, one cell after the other."""
    out = tmp_path_factory.mktemp("serial")
    return out, succeeded(*grid(pictures, out)).stdout


class TestTables:
    def test_there_is_one_for_each_task_with_seeds_in_a_row(
        self, serial: tuple[Path, str], pictures: str
    ) -> None:
        out, tables = serial
        titles = [line for line in tables.splitlines() if line.startswith("##")]
        assert titles == ["## 3way-1shot-4query", "## 3way-2shot-4query"]
        header, near = (line for line in tables.splitlines()[2:5:2])
        assert [cell.strip() for cell in header.split("|")[1:-1]] == [
            *("method", "accuracy %", "± episodes", "± classes", "± seeds", "n", "seeds", "note")
        ]
        cells = [cell.strip() for cell in near.split("|")[1:-1]]
        assert [cells[0], *cells[5:]] == ["near", "10", "2", "knn[backbone=pixels]"]
        again = succeeded(*grid(pictures, out))
        assert again.stdout == tables
        assert "8 of 8 cells are stored" in again.stderr

    def test_a_cell_is_the_run_of_a_plain_command(
        self, serial: tuple[Path, str], pictures: str, tmp_path: Path
    ) -> None:
        plain = {"methods": "knn[backbone=pixels]", "shot": 2, "seed": 1}
        succeeded(*task(pictures, out=tmp_path, **plain))
        ((file, content),) = stored(tmp_path).items()
        assert stored(serial[0])[file] == content
        assert not (tmp_path / "grid.jsonl").exists()

    def test_names_reach_every_table(self, serial: tuple[Path, str]) -> None:
        board = succeeded("leaderboard", "--out", "-", serial[0]).stdout
        assert "| near " in board
        assert "near is knn[backbone=pixels]." in board.replace("\\", "")
        names = ("near", "protonet[backbone=pixels]")
        compared = succeeded("compare", *names, "--results", serial[0]).stdout
        assert "| near | chance_less |" in compared

    def test_a_stored_run_gets_the_name_that_it_is_asked_for_by(
        self, pictures: str, tmp_path: Path
    ) -> None:
        (before,) = (
            stored(tmp_path, "manifest.json")
            for _ in [succeeded(*task(pictures, out=tmp_path, methods="knn[backbone=pixels]"))]
        )
        assert "label" not in json.loads(next(iter(before.values())))
        again = succeeded(*task(pictures, out=tmp_path, methods="n=knn[backbone=pixels]"))
        assert "| n " in again.stdout
        assert manifests(tmp_path)["knn[backbone=pixels]"]["label"] == "n"
        assert list(stored(tmp_path, "manifest.json")) == list(before)


class TestSharing:
    def test_shards_together_are_the_whole(
        self, serial: tuple[Path, str], pictures: str, tmp_path: Path
    ) -> None:
        first = succeeded(*grid(pictures, tmp_path, "--shard", "1/3"))
        assert "shard 1 of 3 has 3 of 8 cells" in first.stderr
        assert 0 < len(stored(tmp_path)) < 8
        assert read_wanted(tmp_path)[0].run in {str(Path(p).parent) for p in stored(tmp_path)}
        assert len(read_wanted(tmp_path)) == 8
        for number in (3, 2):
            succeeded(*grid(pictures, tmp_path, "--shard", f"{number}/3"))
        assert outcomes(tmp_path) == outcomes(serial[0])
        assert succeeded(*grid(pictures, tmp_path)).stdout == serial[1]

    def test_a_claim_leaves_what_is_locked_and_waits_for_it(
        self,
        serial: tuple[Path, str],
        pictures: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        succeeded(*grid(pictures, tmp_path, "--shard", "1/8"))
        wanted = read_wanted(tmp_path)[3]
        held = RunDirectory(tmp_path / wanted.run).locked()
        held.__enter__()
        slept = []

        def sleep(seconds: float) -> None:
            slept.append(len(stored(tmp_path)))
            held.__exit__(None, None, None)

        monkeypatch.setattr(sharing.Claiming.__init__, "__defaults__", (False, sleep))
        claimed = succeeded(*grid(pictures, tmp_path, "--claim"))
        assert slept == [7]
        assert "1 of the cells is being computed by others" in claimed.stderr
        assert claimed.stdout == serial[1]
        assert outcomes(tmp_path) == outcomes(serial[0])

    def test_without_a_claim_what_is_locked_has_failed(self, pictures: str, tmp_path: Path) -> None:
        succeeded(*grid(pictures, tmp_path, "--shard", "1/8"))
        with RunDirectory(tmp_path / read_wanted(tmp_path)[3].run).locked():
            other = invoke(*grid(pictures, tmp_path))
        assert other.exit_code == 1
        assert "another process is running it" in other.stderr
        assert "1 cell is being computed by another command; --claim waits" in other.stderr
        assert len(stored(tmp_path)) == 7


class TestWorkers:
    def test_they_compute_the_same_bits(
        self, serial: tuple[Path, str], pictures: str, tmp_path: Path
    ) -> None:
        done = process(*grid(pictures, tmp_path, "--workers", 2))
        assert done.returncode == 0, done.stderr
        assert done.stdout == serial[1]
        assert outcomes(tmp_path) == outcomes(serial[0])
        assert "2 workers, 1 thread each, or as many as --threads says" in done.stderr
        assert "8 of 8 cells, at most " in done.stderr
        assert "[near 3-way 1-shot seed 0] near: " in done.stderr
        commands = {tuple(one["command"]) for one in manifests(tmp_path).values()}
        assert [command[1:] for command in commands] == [
            tuple(grid(pictures, tmp_path, "--workers", 2))
        ]


class TestFailures:
    def test_they_are_left_with_a_count_and_tried_again_on_demand(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        arguments = grid(pictures, tmp_path, methods="untrainable,chance", shot=1)
        first = invoke(*arguments)
        assert first.exit_code == 1
        assert (
            "untrainable 3-way 1-shot seed 1 failed: ZeroDivisionError: no gradient" in first.stderr
        )
        assert "4 of 4 cells, 2 failed" in first.stderr
        untried = invoke(*arguments)
        assert untried.exit_code == 1
        assert untried.stdout == first.stdout
        assert "2 cells have failed before; --retry computes them again" in untried.stderr
        assert "are to be computed" not in untried.stderr
        tried = invoke(*arguments, "--retry")
        assert tried.exit_code == 1
        assert "2 of 4 cells are to be computed" in tried.stderr

    def test_a_seed_that_failed_is_noted_beside_the_others(
        self, pictures: str, tmp_path: Path
    ) -> None:
        succeeded(*grid(pictures, tmp_path))
        run = next(r for r in Store(tmp_path).runs() if "knn" in r.path.name)
        run.update(status="failed", reason="no luck")
        result = invoke(*grid(pictures, tmp_path))
        assert result.exit_code == 1
        noted = [line for line in result.stdout.splitlines() if "no luck" in line]
        assert len(noted) == 1
        assert "1 of 2 failed: no luck" in noted[0]


class TestStatus:
    def test_it_tells_what_is_left(self, pictures: str, tmp_path: Path) -> None:
        succeeded(*grid(pictures, tmp_path, "--shard", "1/2"))
        told = succeeded("status", tmp_path).stdout.splitlines()
        assert told[0] == f"{tmp_path}: 8 cells: 4 done, 4 missing"
        assert len(told) == 5
        assert told[1] == "  missing  chance_less 3-way 1-shot seed 0"
        succeeded(*task(pictures, out=tmp_path))
        told = succeeded("status", tmp_path).stdout.splitlines()
        assert told[1] == "and 1 run that its last grid did not want: 1 done"

    def test_a_config_says_what_is_wanted(
        self, serial: tuple[Path, str], pictures: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "grid.toml"
        file.write_text(
            f'dataset = "{pictures}"\nway = 3\nquery = 4\nepisodes = 10\nbudget = 2\n'
            'shot = [1, 2]\nseed = "0..2"\n'
            '[methods.near]\nuse = "knn"\nbackbone = "pixels"\n'
        )
        told = succeeded("status", serial[0], "--config", file).stdout.splitlines()
        assert told[0] == f"{serial[0]}: 6 cells: 4 done, 2 missing"
        typed = succeeded("run", "--config", file, "--out", serial[0], "--seed", "0..1")
        assert "4 of 4 cells are stored" in typed.stderr
        cells = [table.splitlines()[4].split("|")[2:8] for table in (typed.stdout, serial[1])]
        assert cells[0] == cells[1]

    def test_all_is_missing_before_the_first_command(self, pictures: str, tmp_path: Path) -> None:
        file = tmp_path / "grid.toml"
        file.write_text(f'dataset = "{pictures}"\nshot = [1, 2]\nmethods = ["knn"]\n')
        told = succeeded("status", tmp_path / "none", "--config", file).stdout.splitlines()
        assert told[0] == f"{tmp_path / 'none'}: 2 cells: 2 missing"
        assert not (tmp_path / "none").exists()

    def test_it_imports_no_torch(self, serial: tuple[Path, str]) -> None:
        script = (
            "import sys; from click.testing import CliRunner; from benchbench.cli.main import cli\n"
            f"done = CliRunner().invoke(cli, ['status', {str(serial[0])!r}])\n"
            "assert done.exit_code == 0 and 'torch' not in sys.modules, done.output"
        )
        subprocess.run([sys.executable, "-c", script], check=True)

    def test_a_folder_that_is_missing_is_refused(self, tmp_path: Path) -> None:
        assert "There is no folder" in refused("status", tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--way", "5,1"], "1 is not in the range x>=2"),
        (["--seed", "4..0"], "'4..0' is no range such as 0..4"),
        (["--seed", "0.."], "'' is not a valid"),
        (["--shard", "3/2"], "--shard 3/2 is not i/n"),
        (["--engine", "slrum"], "There is no engine named 'slrum'"),
        (["--engine", "workers[count=0]"], "count must be at least 1"),
        (["--engine", "serial", "--workers", "2"], "leave out --engine serial"),
        (["--device", "cuda:x"], "There is no device 'cuda:x'"),
        (["--device", "cpu:0"], "There is no device 'cpu:0'"),
        (["--config", "none.toml"], "There is no file none.toml"),
        (["--methods", "protonet=knn"], "is the name of a method itself"),
    ],
)
def test_mistakes_are_one_sentence(options: list[str], sentence: str, tmp_path: Path) -> None:
    assert_one_sentence(invoke("run", "--out", tmp_path / "out", *options), sentence)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('dataset = ["glyphs", "omniglot"]', "dataset takes one value, not a list of 2"),
        ('budget = ["smoke", "quick"]', "budget takes one value, not a list of 2"),
        ("[slurm]\npartion = 'main'", "There is no key of [slurm] named 'partion'; known: account"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "status"])
def test_mistakes_in_a_file_are_one_sentence(
    verb: str, text: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "grid.toml").write_text(text)
    assert_one_sentence(invoke(verb, "--config", tmp_path / "grid.toml"), sentence)


def test_what_is_given_again_is_said(pictures: str, tmp_path: Path) -> None:
    near = "knn[backbone=pixels]"
    again = {"methods": f"{near},knn[backbone=pixels,k=1]", "shot": "1,1,1", "seed": "0,0..0"}
    said = succeeded(*task(pictures, out=tmp_path, **again)).stderr.splitlines()
    assert [line for line in said if "again" in line] == [
        "--shot gives 2 values again; each value is computed once",
        "--seed gives 1 value again; each value is computed once",
        "--methods gives 1 value again; each value is computed once",
    ]
    assert len(stored(tmp_path)) == 1


def test_engines_are_listed_and_described() -> None:
    listed = succeeded("list", "engines").stdout
    assert "serial" in listed
    assert "workers" in listed
    assert "count: int" in succeeded("describe", "workers").stdout


@pytest.mark.slow
def test_whatever_computes_a_grid_its_bits_are_the_same(pictures: str, tmp_path: Path) -> None:
    """Three methods that learn, two shots and three seeds; one after the other, and otherwise."""
    learners = {"methods": "knn,protonet,linear_probe", "shot": "1,2", "seed": "0..2"}

    def command(name: str, *more: object) -> list[str]:
        return [*task(pictures, out=tmp_path / name, threads=1, **learners), *map(str, more)]

    expected = ended(start(command("serial")))
    for number in (1, 2):
        ended(start(command("shards", "--shard", f"{number}/2")))
    ended(start(command("workers", "--workers", 3)))
    claims = [start(command("claims", "--claim")) for _ in range(2)]
    assert {ended(claim) for claim in claims} == {expected}
    for name in ("shards", "workers", "claims"):
        assert outcomes(tmp_path / name) == outcomes(tmp_path / "serial"), name
        assert ended(start(command(name))) == expected
    (log,) = stored(tmp_path / "claims", "started.jsonl").values()
    assert log.count(b"\n") == 18, "a cell was computed twice"


def start(arguments: list[str], **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchbench.cli", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **options,
    )


def ended(command: subprocess.Popen[str]) -> str:
    """The tables of a command that succeeds, however busy the machine is."""
    stdout, stderr = command.communicate(timeout=1800)
    assert command.returncode == 0, stderr
    return stdout


def until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.slow
def test_an_interruption_keeps_what_is_computed_and_says_how_to_go_on(
    serial: tuple[Path, str], pictures: str, tmp_path: Path
) -> None:
    """Ctrl-C reaches every process of the terminal's group."""
    arguments = grid(pictures, tmp_path, "--workers", 2, episodes=2000)
    command = start(arguments, start_new_session=True)
    until(lambda: len(stored(tmp_path)) >= 2)
    os.killpg(command.pid, signal.SIGINT)
    stdout, stderr = command.communicate(timeout=60)
    assert command.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[-1] == "Interrupted; the same command resumes from here."
    assert "Traceback" not in stderr
    kept = stored(tmp_path)
    assert any(content.count(b"\n") > 1 for content in kept.values())
    states = succeeded("status", tmp_path).stdout
    assert "running" not in states
    assert "interrupted" in states
    again = start(arguments)
    assert again.communicate(timeout=300)[0].count("near") == 2
    assert all(content.count(b"\n") == 2001 for content in stored(tmp_path).values())


@pytest.mark.slow
def test_a_worker_that_dies_is_one_failed_cell(pictures: str, tmp_path: Path) -> None:
    import psutil

    arguments = grid(pictures, tmp_path, "--workers", 2, episodes=2000)
    command = start(arguments)
    until(lambda: len(stored(tmp_path)) >= 2)
    workers = [
        child
        for child in psutil.Process(command.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(workers) == 2
    workers[0].kill()
    stdout, stderr = command.communicate(timeout=300)
    assert command.returncode == 1
    reason = "its worker is gone: the process was killed (SIGKILL), perhaps for lack of memory"
    assert sum(f"failed: {reason}" in line for line in stderr.splitlines()) == 1
    assert f"1 of 2 failed: {reason}" in stdout
    again = start(arguments)
    _, stderr = again.communicate(timeout=300)
    assert again.returncode == 0, stderr
    assert "7 of 8 cells are stored" in stderr
