"""The documents tell the truth: the README's method runs, every hook is documented."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
from click.testing import CliRunner

import benchbench
from benchbench.cli.main import cli
from benchbench.registry import hookspecs
from benchbench.results.entries import read_results
from benchbench.results.leaderboard import collect, run_table
from benchbench.results.reporters import markdown_table
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import RunDirectory, Store

ROOT = Path(__file__).parents[1]
LEADERBOARDS = ROOT / "leaderboards"
CHECKED = ["--across", "methods-by-data-set", "--check"]


def run_as_plugin(
    code: str, announcement: str, methods: str, folder: Path, *options: str
) -> pd.DataFrame:
    """The table of a run of methods that a package of this one module brings."""
    (folder / "my_package").mkdir()
    (folder / "my_package" / "my_module.py").write_text(code, encoding="utf-8")
    metadata = folder / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    entries = announcement.replace("project.entry-points.", "").replace('"', "")
    (metadata / "entry_points.txt").write_text(entries)

    out = folder / "out"
    command = [sys.executable, "-m", "benchbench.cli", "run", "--episodes", "20"]
    command += ["--budget", "smoke", "--methods", methods, "--out", str(out), *options]
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return collect(Store(out).runs())


def test_the_method_of_the_readme_is_twenty_lines_and_runs(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    announcement = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert code is not None
    assert announcement is not None
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 20
    methods = "nearest_mean,nearest_mean[power=0.5]"
    table = run_as_plugin(code[1], announcement[1], methods, tmp_path)
    assert set(table["method"]) == {"nearest_mean", "nearest_mean[power=0.5]"}
    assert (table["accuracy"] > 0.35).all()


def test_the_metric_method_of_the_guide_runs(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "writing-a-method.md").read_text(encoding="utf-8")
    code = next(c for c in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "CityBlock" in c)
    announcement = "[benchbench.methods]\ncity_block = my_package.my_module\n"
    table = run_as_plugin(code, announcement, "city_block", tmp_path)
    assert (table["accuracy"] > 0.35).all()


def example(guide: str, class_name: str) -> tuple[str, str]:
    """The code block of a guide that defines the class, and the guide's first announcement."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (code,) = [block for block in blocks if f"class {class_name}(" in block]
    announcement = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert announcement is not None
    return code, re.sub(r'= "\w+(\.\w+)?"', '= "my_package.my_module"', announcement[1])


def test_the_whole_method_of_the_guide_is_short_and_runs(tmp_path: Path) -> None:
    code, announcement = example("writing-a-method.md", "MyMethod")
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 20
    methods = ["my_method[backbone=pixels]", "my_method[power=1.5,backbone=pixels]"]
    table = run_as_plugin(code, announcement, ",".join(methods), tmp_path)
    assert len(table) == len(methods)
    assert (table["accuracy"] > 0.35).all()


def test_the_whole_data_set_of_the_guide_runs(tmp_path: Path) -> None:
    code, announcement = example("writing-a-dataset.md", "MyData")
    table = run_as_plugin(
        code, announcement, "knn[backbone=pixels]", tmp_path, "--dataset", "my_data[noise=60]"
    )
    assert set(table["dataset"]) == {"my_data[noise=60]"}
    assert (table["accuracy"] > 0.5).all()


def test_every_hook_and_its_arguments_are_documented() -> None:
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", text, re.MULTILINE))
    hooks = {
        name: function
        for name, function in vars(hookspecs).items()
        if hasattr(function, "benchbench_spec")
    }
    assert set(rows) == set(hooks)
    for name, function in hooks.items():
        assert re.findall(r"`(\w+)`", rows[name]) == list(inspect.signature(function).parameters)
        assert inspect.getdoc(function), f"{name} has no docstring"


def test_the_documents_name_only_files_that_exist() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert benchbench.__version__ == version("benchbench")
    assert benchbench.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_leaderboards_are_those_of_their_runs() -> None:
    result = CliRunner().invoke(
        cli, ["leaderboard", str(LEADERBOARDS / "runs"), "--out", str(LEADERBOARDS), *CHECKED]
    )
    assert result.exit_code == 0, result.stderr


def test_the_numbers_of_the_guide_to_statistics() -> None:
    """Each line of its example gives what the comment behind it begins with."""
    guide = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert block is not None
    names: dict[str, object] = {}
    compared = 0
    for line in filter(None, block[1].splitlines()):
        code, _, comment = line.partition("#")
        number = re.match(r"\s*([\d.]+)(?=[ ,]|$)", comment)
        if number is None:
            exec(code, names)
            continue
        digits = len(number[1].partition(".")[2])
        assert round(eval(code.strip(), names), digits) == float(number[1])
        compared += 1
    assert compared == 4


def test_the_table_of_the_readme_is_that_of_the_runs() -> None:
    """What `benchbench run` prints by default: the runs of seed 0."""
    runs = Store(LEADERBOARDS / "runs" / "glyphs").runs()
    of_seed = {r.method: RunDirectory(r.path) for r in read_results(runs) if r.seed == 0}
    cells = [Outcome(name, "finished", run=of_seed[name]) for name in ("knn", "protonet")]
    table = markdown_table(run_table(cells, 600))
    assert table in (ROOT / "README.md").read_text(encoding="utf-8")
