"""What a run does not record since its method got it later is the default that others state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.runs import draw_classes, noisy_correct, write_run

from benchbench.results.configurations import Defaults, whole_identity
from benchbench.results.entries import entries_of
from benchbench.results.stored import read_results
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store

CLASSES = draw_classes(20)
OLD = {"scale": 10.0}
NEW = {"scale": 10.0, "bn": "running"}


def manifest(spec: str, parameters: Any, method: str = "toy") -> dict[str, Any]:
    return {"identity": {"method": method, "parameters": parameters}, "method": {"spec": spec}}


@pytest.mark.parametrize(
    ("others", "lacking"),
    [
        ([("toy", NEW)], {"bn": "running"}),
        ([("toy[bn=support]", {**NEW, "bn": "support"})], {}),
        ([("toy[bn=support]", {**NEW, "bn": "support"}), ("toy", NEW)], {"bn": "running"}),
        ([("toy", NEW), ("toy", {**NEW, "bn": "task"})], {}),
        ([("toy[file=a]b]", NEW)], {}),
        ([("toy:running", NEW)], {}),
        ([("toy[depth=3]", {**NEW, "open": {"depth": 3}})], {"bn": "running"}),
        ([("toy", "toy")], {}),
        ([], {}),
    ],
    ids=[
        "at its default",
        "typed",
        "typed by one of two",
        "two defaults",
        "no spec",
        "an argument",
        "open parameters",
        "no parameters",
        "alone",
    ],
)
def test_the_default_that_others_state(others: list[Any], lacking: dict[str, Any]) -> None:
    old = manifest("toy", OLD)
    assert Defaults([old, *(manifest(*one) for one in others)]).lacking(old) == lacking


def test_another_method_states_nothing_and_recorded_values_stay() -> None:
    old = manifest("toy", OLD)
    assert Defaults([old, manifest("other", NEW, "other")]).lacking(old) == {}
    changed = manifest("toy", {"scale": 5.0, "bn": "running"})
    lacking = Defaults([old, changed]).lacking(old)
    assert whole_identity(old, lacking)["parameters"] == {"scale": 10.0, "bn": "running"}
    assert whole_identity(changed, Defaults([old]).lacking(changed)) == changed["identity"]


def toy(root: Path, seed: int, parameters: dict[str, Any], spec: str = "toy") -> RunDirectory:
    correct = noisy_correct(0.8, 20, seed)
    declared = {"parameters": parameters}
    return write_run(root, spec, correct, classes=CLASSES, seed=seed, declared=declared)


def test_seeds_of_before_and_after_are_one_entry(tmp_path: Path) -> None:
    for seed, parameters in enumerate((OLD, NEW, OLD)):
        toy(tmp_path, seed, parameters)
    toy(tmp_path, 0, {**NEW, "bn": "support"}, "toy[bn=support]")
    found = {entry.label: entry.seeds for entry in entries_of(read_results(Store(tmp_path).runs()))}
    assert found == {"toy": [0, 1, 2], "toy[bn=support]": [0]}


def test_of_two_runs_that_are_one_the_more_complete_is_read_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, other = toy(tmp_path, 0, OLD), toy(tmp_path, 0, NEW), toy(tmp_path, 1, OLD)
    found = {result.path for result in read_results(Store(tmp_path).runs())}
    assert found == {new.path, other.path}
    (said,) = capsys.readouterr().err.splitlines()
    assert said == (
        f"left out runs of older code (1, such as {old.path}): others of the same configuration "
        "and seed record more parameters of their methods (bn)"
    )


def test_nothing_is_imported_for_it() -> None:
    old, new = (manifest("protonet", one, "protonet") for one in (OLD, NEW))
    script = (
        "import sys\n"
        "from benchbench.results.configurations import Defaults\n"
        f"old, new = {old}, {new}\n"
        "assert Defaults([new]).lacking(old) == {'bn': 'running'}\n"
        "print({'torch', 'benchbench_plugins'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
