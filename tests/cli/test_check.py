"""`benchbench check`: lines, JSON, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conformance import faulty_methods as faulty
from support.command_line import process
from support.installations import install, methods_of

from benchbench.cli.main import cli
from benchbench.conformance import CHECKS
from benchbench.datasets import opening
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.registry import loading

HANGS = """
import time
from benchbench import Method, hookimpl

class Hangs(Method):
    name = "hangs"

    def train(self, source):
        time.sleep(3600)

@hookimpl
def register_methods(register):
    register(Hangs)
"""


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["check", *arguments])


@pytest.fixture(autouse=True)
def faulty_methods(
    monkeypatch: pytest.MonkeyPatch, make_dataset: Callable[..., OpenDataset]
) -> None:
    """The faulty methods by their names, on a small data set."""
    methods = {
        method.name: method
        for method in vars(faulty).values()
        if isinstance(method, type) and issubclass(method, faulty.NearestMean)
    }
    load = loading.load
    small = make_dataset(classes=(6, 8, 4), per_class=12, noise=200)

    def load_faulty(kind: str, name: str) -> type:
        return methods[name] if kind == "method" and name in methods else load(kind, name)

    monkeypatch.setattr(loading, "load", load_faulty)
    monkeypatch.setattr(loading, "check_names", lambda kind, texts: None)
    monkeypatch.setattr(opening, "open_problems", lambda spec, places: [Problem.of(small)])


def test_a_line_for_each_check_then_the_verdict() -> None:
    result = check("nearest_mean", "--only", "*que*")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "one_query_at_a_time: passed" in lines
    assert "batch norms that use statistics of the queries: none" in lines
    assert any(line.startswith("accuracy: ") and "one at a time" in line for line in lines)
    assert lines[-2] == "verdict: inductive"
    assert lines[-1] == f"{len([c for c in CHECKS if 'que' in c])} checks: 9 passed"


def test_a_failure_is_told_and_exits_with_1() -> None:
    result = check("joint_normalisation", "--only", "half*")
    assert result.exit_code == 1
    assert "half_of_the_queries: FAILED: when half of the queries are left out" in result.stdout
    assert "norm (in training mode)" in result.stdout
    assert "verdict: transductive" in result.stdout
    assert "1 check: 1 failed (half_of_the_queries)" in result.stdout


def test_an_expected_failure_exits_with_0() -> None:
    result = check("declared_order", "--only", "*_order")
    assert result.exit_code == 0
    assert "support_order: expected failure: declares order_dependent" in result.stdout
    assert "3 checks: 1 passed, 1 expected failure (declares order_dependent)" in result.stdout


def test_json_holds_everything() -> None:
    result = check("sinkhorn", "--only", "one_query*", "--format", "json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["method"] == "sinkhorn"
    assert report["failed"] is True
    assert report["outcomes"][0]["status"] == "failed"
    assert report["verdict"]["inductive"] is False
    assert report["verdict"]["worst"]["check"] == "one_query_at_a_time"


def test_a_method_that_cannot_be_trained_fails() -> None:
    result = check("crashes")
    assert result.exit_code == 1
    assert "train: FAILED:" in result.stdout
    assert "no luck" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument 'METHOD'"),
        (["protone"], "did you mean protonet"),
        (["nearest_mean", "--only", "quer_order"], "did you mean query_order"),
        (["nearest_mean,sinkhorn"], "names 2 methods"),
        (["nearest_mean", "--budget", "small"], "is not a budget"),
        (["nearest_mean", "--fresh", "--only", "*order"], "--fresh makes no other check"),
    ],
)
def test_a_wrong_command_exits_with_2(arguments: list[str], told: str) -> None:
    result = check(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_list_says_what_each_check_is() -> None:
    result = check("--list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(CHECKS)
    assert "C1: queries in another order get the same scores." in result.stdout


def test_fresh_episodes_are_set_against_the_standard_ones(pictures: str) -> None:
    result = process("check", "knn[backbone=pixels]", "--fresh", "--dataset", pictures)
    lines = result.stdout.splitlines()
    # An honest method is beyond its interval by chance now and then: the seed is a new one.
    assert result.returncode == int("beyond the interval" in lines[-1]), result.stderr
    assert [line.partition(": ")[0] for line in lines[2:]] == ["difference", "verdict"]
    assert lines[0].startswith("folder:")
    assert ", episode seed " in lines[1]
    assert "over 600 and 600 episodes" in lines[2]


@pytest.mark.parametrize(("option", "what"), [((), "training"), (("--fresh",), "the comparison")])
def test_a_method_that_hangs_is_told_in_one_sentence(
    tmp_path: Path, pictures: str, option: tuple[str, ...], what: str
) -> None:
    site = install(tmp_path, "hanging", {"hanging": HANGS}, methods_of("hanging", ["hangs"]))
    command = ("check", "hangs", *option, "--timeout", 1, "--dataset", pictures)
    result = process(*command, path=(site,))
    assert result.returncode == 1
    *_, last = result.stderr.splitlines()
    assert last == f"hangs FAILED: {what} does not end within 1 s (--timeout)."
    assert result.stdout == ""


def test_a_misspelt_name_is_told_before_torch_is_imported() -> None:
    script = (
        "import sys; from click.testing import CliRunner; from benchbench.cli.main import cli;"
        "results = [CliRunner().invoke(cli, words.split()) for words in sys.argv[1:]];"
        "assert {result.exit_code for result in results} == {2}, results;"
        "assert all('did you mean' in result.stderr for result in results);"
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)"
    )
    words = ["check protonte", "check knn --dataset glyhps", "run --methods protonte"]
    subprocess.run([sys.executable, "-c", script, *words, "run --dataset glyhps"], check=True)
