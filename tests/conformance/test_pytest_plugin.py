"""`pytest --benchbench-methods`, as a package of somebody else runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.installations import install, methods_of
from support.warm import run_module

ROOT = Path(__file__).parents[2]

METHOD = """
from benchbench import Method, hookimpl
import torch


class First(Method):
    "The first class, whatever the image."

    name = "first"
    expected_failures = {"class_slots": "it is the first"}

    def train(self, source):
        print("training")

    def adapt(self, support):
        def classify(images):
            scores = torch.zeros(len(images), support.n_way)
            scores[:, 0] = len(images) if BATCH else 1
            return scores

        return classify


@hookimpl
def register_methods(register):
    register(First)
"""


def run_pytest(folder: Path, *arguments: str, transductive: bool = False) -> tuple[int, str]:
    source = METHOD.replace("BATCH", str(transductive))
    install(folder, "first_method", {"first_method": source}, methods_of("first_method", ["first"]))
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    done = run_module(
        *("pytest", "-p", "benchbench.pytest_plugin", "-p", "no:cacheprovider", "-rA"),
        *arguments,
        cwd=empty,
        environment={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        },
    )
    return done.returncode, done.stdout + done.stderr


def test_a_test_of_each_check_without_any_test_file(tmp_path: Path) -> None:
    chosen = "class_slots or query_order or adapt_many or scores"
    code, output = run_pytest(tmp_path, "--benchbench-methods", "first", "-k", chosen)
    assert code == 0, output
    assert "2 passed, 1 skipped" in output
    assert "1 xfailed" in output
    assert "PASSED benchbench::first::query_order" in output
    assert "it has no adapt_many of its own" in output
    assert "it is the first" in output


def test_a_failure_is_reported_in_a_sentence(tmp_path: Path) -> None:
    code, output = run_pytest(
        tmp_path, "--benchbench-methods", "first", "-k", "one_query", transductive=True
    )
    assert code == 1
    assert "when each query is classified alone, scores change by up to 74" in output
    assert "Traceback" not in output


def test_an_unknown_method_is_a_usage_error(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, "--benchbench-methods", "frist")
    assert code == 4
    assert "did you mean first?" in output


def test_without_the_option_nothing_is_added_and_nothing_imported(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path)
    assert code == 5, output
    script = (
        "import sys, benchbench.pytest_plugin\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'benchbench.plugins'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
