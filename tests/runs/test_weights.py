"""Which files hold the weights of a run, whatever its manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.runs import write_run

from benchbench.runs.directory import RunDirectory
from benchbench.runs.weights import weights_of

RECORD = {"stage": "training", "seconds": 1.0}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return write_run(tmp_path / "results", "toy", [40, 50])


def files(run: RunDirectory, **record: Any) -> list[str]:
    run.update(training=[{**RECORD, **record}])
    root = run.path.parents[2]
    return [str(one.file.relative_to(root)) for one in weights_of(run)]


def test_weights_are_where_the_manifest_says(run: RunDirectory) -> None:
    own = str(run.path.relative_to(run.path.parents[2]) / "training" / "training.safetensors")
    assert files(run, weights="training/training.safetensors", weights_sha256="ab") == [own]
    assert weights_of(run)[0].sha256 == "ab"
    shared = "conv4-12/classification.safetensors"
    assert files(run, weights=shared) == [f"pretrained/{shared}"]
    assert files(run) == [own]
    assert weights_of(run)[0].sha256 is None


def test_of_older_runs_all_that_may_be_theirs_are_found(run: RunDirectory) -> None:
    for name in ("conv4-1", "conv4-2"):
        folder = run.path.parents[2] / "pretrained" / name
        folder.mkdir(parents=True)
        (folder / "training.safetensors").touch()
    names = ["pretrained/conv4-1/training.safetensors", "pretrained/conv4-2/training.safetensors"]
    assert files(run) == names


@pytest.mark.parametrize(
    "text", ["../x.safetensors", "..", "a/../../x.safetensors", "a\0/b.safetensors", "/etc/passwd"]
)
def test_no_name_leads_elsewhere(run: RunDirectory, text: str) -> None:
    own = f"{run.path.name}/training/training.safetensors"
    assert files(run, weights=text)[0].endswith(own)


@pytest.mark.parametrize("text", ["**", "..", "x" * 300, "a/b", "", "[a-"])
def test_no_stage_is_a_pattern_or_a_path(run: RunDirectory, text: str) -> None:
    (found,) = files(run, stage=text)
    assert Path(found).parent.name == "training"
