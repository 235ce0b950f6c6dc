"""The door for strangers: a package that only entry points connect, from the command line alone."""

import csv
import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which
from sysconfig import get_path

import pytest

EXAMPLE = "benchbench-thirdparty-example"
METHODS = ["thirdparty_nearest", "thirdparty_nearest[power=0.5]"]
RUN = ["run", "--methods", ",".join(METHODS), "--dataset", "thirdparty_stripes"]
RUN += ["--metrics", "thirdparty_rank", "--episodes", "12", "--budget", "smoke"]


def installed() -> bool:
    try:
        return version(EXAMPLE) == "1.2.3"
    except PackageNotFoundError:
        return False


pytestmark = pytest.mark.skipif(
    not installed(), reason=f"{EXAMPLE} is not installed; `tox -e thirdparty` does that"
)


def benchbench(*arguments: str, cwd: Path) -> str:
    """The standard output of the program that is installed, in a folder that holds nothing else."""
    program = which("benchbench", path=get_path("scripts"))
    assert program is not None
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(
        [program, *arguments], cwd=cwd, env=variables, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="module")
def table(folder: Path) -> str:
    return benchbench(*RUN, cwd=folder)


def test_benchbench_is_the_wheel_and_not_the_checkout() -> None:
    import benchbench

    assert Path(benchbench.__file__).is_relative_to(get_path("purelib"))


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (
            "methods",
            f"thirdparty_nearest other Nearest class mean of raw pixels. [{EXAMPLE} 1.2.3]",
        ),
        (
            "datasets",
            "thirdparty_stripes Generated rows of grey values: a class has its row, an image its "
            f"noise. [{EXAMPLE} 1.2.3]",
        ),
        (
            "metrics",
            "thirdparty_rank The mean place of the right class among all, 1 at best. "
            "[benchbench_thirdparty.metric]",
        ),
        (
            "samplers",
            "thirdparty_neighbours 1-shot episodes of classes that follow each other, each with "
            "its first images. [benchbench_thirdparty.sampler]",
        ),
    ],
)
def test_list_shows_them_and_whose_they_are(folder: Path, kind: str, line: str) -> None:
    listed = benchbench("list", kind, cwd=folder).splitlines()
    assert line in [" ".join(text.split()) for text in listed]


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("thirdparty_nearest", "power: float; default 1.0"),
        ("thirdparty_stripes", "size: int; default 8"),
        ("thirdparty_neighbours", "way: int; default 3"),
        ("thirdparty_rank", "none"),
    ],
)
def test_describe_explains_them(folder: Path, name: str, parameter: str) -> None:
    assert f"  {parameter}\n" in benchbench("describe", name, cwd=folder)


def test_doctor_finds_nothing_wrong(folder: Path) -> None:
    report = benchbench("doctor", cwd=folder)
    assert f"ok   method thirdparty_nearest ({EXAMPLE} 1.2.3)" in report
    for name in ("command", "metric", "observer", "reporter", "sampler"):
        assert f"ok   plug-in thirdparty_{name} ({EXAMPLE} 1.2.3)" in report


def test_their_method_runs_on_their_data_by_their_metric(folder: Path, table: str) -> None:
    title, _, *rows = table.splitlines()
    assert "thirdparty_rank" in title
    assert [row.split("|")[1].strip() for row in rows] == METHODS
    files = list(folder.rglob("episodes.csv"))
    assert len(files) == len(METHODS)
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            records = list(csv.DictReader(stream))
        assert len(records) == 12
        assert all(1 <= float(record["thirdparty_rank"]) <= 5 for record in records)
        assert all(float(record["accuracy"]) > 0.5 for record in records)


@pytest.mark.usefixtures("table")
def test_their_observer_saw_every_episode(folder: Path) -> None:
    logs = [log.read_text(encoding="utf-8") for log in folder.rglob("thirdparty.log")]
    assert logs == ["thirdparty_nearest finished 12\n"] * len(METHODS)


@pytest.mark.usefixtures("table")
def test_their_command_works(folder: Path) -> None:
    assert benchbench("thirdparty-count", "results", cwd=folder) == "2 runs\n"
    assert "  thirdparty-count " in benchbench("--help", cwd=folder)


@pytest.mark.usefixtures("table")
def test_the_leaderboard_in_their_format(folder: Path) -> None:
    benchbench("leaderboard", "results", "--format", "thirdparty_names", cwd=folder)
    file = folder / "leaderboards" / "thirdparty_stripes.thirdparty_names"
    assert sorted(file.read_text(encoding="utf-8").splitlines()) == sorted(METHODS)


def test_their_sampler_draws_the_episodes(tmp_path: Path) -> None:
    benchbench(*RUN, "--sampler", "thirdparty_neighbours[query=5]", cwd=tmp_path)
    (folder,) = tmp_path.glob("results/thirdparty_stripes/*")
    assert folder.name == "3neighbours-1shot-5query"
