"""A results folder that cannot be written to: it is read as before, and refused for more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.command_line import invoke, stored, succeeded, task
from support.file_systems import read_only
from support.runs import write_run, write_runs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on two data sets, and a lock that a command of before has left."""
    folder = tmp_path_factory.mktemp("made") / "results"
    write_runs(folder, {"protonet": 0.9, "knn": 0.8}, 12, datasets=["omniglot", "glyphs"])
    (write_run(folder, "maml", [40, 50], status="failed").path / ".lock").touch()
    return folder


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "results"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("leaderboard", "FOLDER", "--out", "-", "--across", "all"),
        ("leaderboard", "FOLDER", "--out", "OUT"),
        ("compare", "knn", "protonet", "--results", "FOLDER"),
        ("rank", "FOLDER"),
        ("verify", "FOLDER"),
        ("status", "FOLDER"),
        ("report", "FOLDER", "--out", "OUT/report.html"),
    ],
    ids=" ".join,
)
def test_what_only_reads_says_the_same(
    results: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    places = {"FOLDER": str(results), "OUT": str(tmp_path / "out")}
    typed = [one.replace("OUT", places["OUT"]) for one in arguments]
    typed = [places.get(one, one) for one in typed]
    before = invoke(*typed)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    with read_only(results):
        after = invoke(*typed)
    assert (after.exit_code, after.stdout) == (before.exit_code, before.stdout)
    assert before.exit_code in (0, 1)


@pytest.mark.parametrize("more", [(), ("--publish",)], ids=["tables", "runs"])
def test_tables_and_runs_do_not_go_there(results: Path, more: tuple[str, ...]) -> None:
    before = stored(results, "*")
    with read_only(results):
        result = invoke("leaderboard", results, "--out", results / "boards", *more)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: Cannot write {'to ' * bool(more)}")
    assert stored(results, "*") == before


def test_what_is_stored_is_printed_and_what_is_not_is_refused(
    pictures: str, knn_out: Path, tmp_path: Path
) -> None:
    command = task(pictures, out=knn_out)
    table, before = succeeded(*command).stdout, stored(knn_out, "*")
    with read_only(knn_out):
        assert succeeded(*command).stdout == table
        assert succeeded(*command, "--methods", "mine=knn").stdout.count("mine") > 0
        told = succeeded("leaderboard", knn_out, "--publish", "--out", tmp_path / "boards").stderr
        assert "published 1 run in" in told
        for more in (("--methods", "knn[k=2]"), ("--seed", "0,1"), ("--shot", "1,2")):
            result = invoke(*command, *more)
            assert result.exit_code == 2
            told = result.stderr.splitlines()[-1]
            assert told.startswith(f"Error: Cannot write results to {knn_out}")
            assert "--out" in told
    assert stored(knn_out, "*") == before
