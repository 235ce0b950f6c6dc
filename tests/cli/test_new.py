"""`benchbench new`: what it writes works at once, and mistakes are told in one sentence."""

import ast
import os
from pathlib import Path

import pytest
from support.command_line import assert_one_sentence, invoke, succeeded
from support.warm import run_module

from benchbench.cli.new import package_files

KINDS = ["method", "dataset"]


def installed(package: Path, name: str, kind: str) -> dict[str, str]:
    """An environment in which the package is installed, as `pip install -e` would do it."""
    info = package / "src" / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[benchbench.{kind}s]\n{name} = {name}\n")
    paths = [str(package / "src"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OMP_NUM_THREADS": "1",
    }


def succeed(command: list[str], cwd: Path, environment: dict[str, str]) -> str:
    done = run_module(*command, cwd=cwd, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        ("method", ["--methods", "fresh_idea[backbone=pixels]"]),
        ("dataset", ["--dataset", "fresh_idea", "--methods", "knn[backbone=pixels]"]),
    ],
)
def test_a_new_package_passes_its_tests_and_runs(tmp_path, monkeypatch, kind, run) -> None:
    monkeypatch.chdir(tmp_path)
    succeeded("new", kind, "fresh_idea")
    package = tmp_path / "fresh_idea"
    project = (package / "pyproject.toml").read_text(encoding="utf-8")
    entry = f'[project.entry-points."benchbench.{kind}s"]\nfresh_idea = "fresh_idea"\n'
    assert entry in project
    environment = installed(package, "fresh_idea", kind)
    assert " passed" in succeed(["pytest", "-p", "no:cacheprovider"], package, environment)
    options = ["--episodes", "20", "--budget", "smoke"]
    table = succeed(["benchbench.cli", "run", *run, *options], tmp_path, environment)
    accuracy = float(table.splitlines()[-1].split("|")[2])
    assert accuracy > 40
    listed = succeed(["benchbench.cli", "list"], tmp_path, environment)
    assert "fresh_idea 0.1.0]" in listed
    assert "BROKEN" not in listed


@pytest.mark.parametrize("kind", KINDS)
def test_what_to_do_next_is_told_and_is_in_the_readme(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "somewhere else" / "package"
    result = succeeded("new", kind, "my_idea", "--out", folder)
    told, _, steps = result.stdout.partition("\nNext:\n")
    assert told.splitlines() == [f"wrote {path}" for path in sorted(folder.rglob("*.*"))]
    install, _, run = steps.splitlines()
    assert "pip install" in install
    assert f"'{folder}[test]'" in install
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "pip install" in readme
    assert f"benchbench run --{kind}" in readme
    assert run.strip().startswith("benchbench run --")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", "MyIdea", "my_2nd_idea", "none", "method", "Images", "path"])
def test_any_good_name_gives_good_files(kind: str, name: str) -> None:
    files = package_files(kind, name)
    expected = {"README.md", "pyproject.toml", f"src/{name}.py", f"tests/test_{name}.py"}
    assert {path.as_posix() for path in files} == expected
    for path, text in files.items():
        assert "$" not in text
        if path.suffix == ".py":
            tree = ast.parse(text)
            imported = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module != name
                for alias in node.names
            }
            defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
            assert not imported & defined


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *(
            (name, "cannot be the name of a Python module")
            for name in ("my idea", "my-idea", "2nd", "_idea", "idea_", "idée", "../idea", "")
        ),
        ("class", "'class' is a word of the Python language"),
        ("protonet", "'protonet' is a method of package benchbench"),
        ("glyphs", "'glyphs' is a dataset of package benchbench"),
        ("json", "'json' is a module that can be imported already"),
        ("torch", "'torch' is a module that can be imported already"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_names(tmp_path: Path, monkeypatch, kind: str, name: str, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_sentence(invoke("new", kind, name), words)
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "idea").mkdir()
    result = invoke("new", "method", "my_idea", "--out", tmp_path / "idea")
    assert_one_sentence(result, "exists already")
    assert not list((tmp_path / "idea").iterdir())


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = invoke("new", "method", "my_idea", "--out", tmp_path / "file" / "idea")
    assert_one_sentence(result, "Cannot write")


def test_an_unknown_kind() -> None:
    assert_one_sentence(invoke("new", "metric", "my_idea"), "'method', 'dataset'")
