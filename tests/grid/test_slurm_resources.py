"""What each cell asks SLURM for."""

from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.slurm_resources import Resources, minutes, resource_table

FILE = """
methods = ["knn"]

[slurm]
partition = "main"
time = "1:30:00"
memory = 8
sbatch = { nice = 100 }

[slurm.gpu]
partition = "gpu"
gpus = 2

[slurm.methods.maml]
time = 600

[slurm.methods.large]
memory = "64G"
cpus = 8
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "grid.toml").write_text(FILE, encoding="utf-8")
    return str(tmp_path / "grid.toml")


def test_a_method_asks_for_more_than_all_cells(file: str) -> None:
    table = resource_table(file, {})
    plain = Resources("main", time=90, memory="8G", cpus=1, sbatch=(("nice", 100),))
    assert table.of(Cell("knn[k=3]")) == plain
    assert table.of(Cell("maml[steps=2]")).time == 600
    large = table.of(Cell("maml", label="large", threads=2))
    assert (large.memory, large.cpus, large.time) == ("64G", 8, 600)


def test_a_method_that_wants_a_gpu_gets_one(file: str) -> None:
    on_gpu = resource_table(file, {}).of(Cell("knn", gpu=True))
    assert (on_gpu.partition, on_gpu.gpus, on_gpu.memory) == ("gpu", 2, "8G")
    assert resource_table("", {}).of(Cell("knn", gpu=True)).gpus == 1
    assert resource_table("", {}).of(Cell("knn")).gpus == 0


def test_the_command_line_replaces_what_all_cells_ask_for(file: str) -> None:
    table = resource_table(file, {"partition": "short", "time": "10"})
    assert (table.of(Cell("knn")).partition, table.of(Cell("knn")).time) == ("short", 10)
    assert table.of(Cell("maml")).time == 600


def test_cores_are_the_threads_unless_they_are_given() -> None:
    assert resource_table("", {}).of(Cell("knn", threads=4)).cpus == 4
    assert resource_table("", {"cpus": 2}).of(Cell("knn", threads=4)).cpus == 2
    assert resource_table("", {"cpus": 2}).common.parameters()["srun_args"] == ["--cpus-per-task=2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("2:00:00", 120), ("1-12:00:00", 2160), ("10:30", 11), ("0:01", 1)],
)
def test_times_are_whole_minutes(text: str, expected: int) -> None:
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["0", "0:00", "an hour", "-5", "1.5", "9" * 30])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BenchbenchError, match="is no time; write minutes, or hours as 2:00:00"):
        minutes(text)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            "[slurm]\npartion = 'main'",
            r"no key of \[slurm\] named 'partion'; known: account, constr",
        ),
        ("[slurm]\ngpu_count = 1", "known: .*, gpu, gpus, memory, methods, partition, "),
        ("[slurm.gpu]\nmethods = 1", "known: .*, gpus, memory, partition, "),
        ("[slurm.gpu]\ngpus = -1", r"gpus = -1 in \[slurm.gpu\] is not what docs/cluster.md says"),
        ("[slurm.methods.knn]\ncpus = true", r"cpus = True in \[slurm.methods.knn\] is not what"),
        ("[slurm]\nmethods = 3", r"'methods' in \[slurm\] has to be a table"),
        ("methods = ['knn']", r"has no table \[slurm\]; docs/cluster.md shows one"),
        ("[slurm", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "wrong.toml").write_text(content, encoding="utf-8")
    with pytest.raises(BenchbenchError, match=told):
        resource_table(str(tmp_path / "wrong.toml"), {})
