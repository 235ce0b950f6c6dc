"""How the command line chooses an engine on a cluster, and what it hands to it."""

from pathlib import Path

import pytest
from support.command_line import assert_one_sentence, invoke

from benchbench.cli.grids import with_config, with_scheduler
from benchbench.errors import BenchbenchError
from benchbench.grid.config import read_config
from benchbench.method import Method
from benchbench.registry import specs
from benchbench.runs.method_card import MethodCard


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "grid.toml"
    file.write_text('methods = ["knn"]\n[slurm]\npartition = "main"\n', encoding="utf-8")
    return file


def test_slurm_reads_the_grids_file(config: Path) -> None:
    assert read_config(config, ["methods"]) == {"methods": "knn"}
    spec = specs.parse(with_config("slurm[tasks=3]", config))
    assert spec.parameters == {"tasks": "3", "file": str(config)}


@pytest.mark.parametrize("engine", ["slurm:other.toml", "slurm[file=other.toml]", "serial"])
def test_an_engine_that_needs_no_file_gets_none(config: Path, engine: str) -> None:
    assert with_config(engine, config) == engine


def test_a_grids_file_without_the_table_is_not_slurms(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text('methods = ["knn"]\n', encoding="utf-8")
    assert with_config("slurm", tmp_path / "grid.toml") == "slurm"


def test_a_scheduler_is_of_dask() -> None:
    chosen = with_scheduler("dask", "tcp://host:8786")
    assert specs.parse(chosen).parameters == {"scheduler": "tcp://host:8786"}
    with pytest.raises(BenchbenchError, match="--scheduler ADDRESS is of --engine dask"):
        with_scheduler("slurm", "tcp://host:8786")


def test_a_mistake_in_an_engines_parameters_is_one_sentence(tmp_path: Path) -> None:
    arguments = ("run", "--out", tmp_path, "--engine")
    assert_one_sentence(invoke(*arguments, "dask"), "'dask' needs its scheduler: dask:SCHEDULER")
    assert_one_sentence(invoke(*arguments, "slurm[time=soon]"), "'soon' is no time")


@pytest.mark.parametrize("wish", [False, True])
def test_a_method_may_want_a_gpu(wish: bool) -> None:
    class Hungry(Method):
        name = "hungry"
        wants_gpu = wish

    assert MethodCard.of(Hungry()).wants_gpu is wish
    assert "wants_gpu" not in MethodCard.of(Hungry()).described
