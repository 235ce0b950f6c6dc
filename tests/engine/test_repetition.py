"""Runs that are repeated give what is stored; what was altered since is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from support.command_line import invoke, refused, succeeded, task, write_pictures

METHODS = "protonet,knn[backbone=pixels]"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("images") / "pictures")


@pytest.fixture(scope="module")
def finished(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    succeeded(*task(f"folder:{pictures}[size=16]", methods=METHODS, out=out, budget=10))
    return out


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "results"))


def lines(results: Path, *options: object, code: int) -> str:
    done = invoke("verify", results, *options)
    assert done.exit_code == code, done.output
    return done.stdout


def edit(results: Path, method: str, change: Callable[[dict[str, Any]], None]) -> None:
    (file,) = results.glob(f"*/*/{method}-*/manifest.json")
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_stored_weights_give_the_stored_counts(results: Path) -> None:
    found = lines(results, "--evaluate", code=0)
    assert found.count("10 episodes evaluated again, equal count by count") == 2
    assert "2 verified" in found


def test_a_training_is_repeated_bit_for_bit(results: Path) -> None:
    found = lines(results, "--retrain", "--episodes", 4, code=0)
    assert found.count("4 episodes trained again, equal count by count") == 2


def test_fresh_episodes_agree_within_the_interval(results: Path) -> None:
    found = lines(results, "--fresh", 5, code=0)
    assert found.count("on 10 episodes of seed 5") == 2


def test_an_altered_weight_is_named(results: Path) -> None:
    (file,) = results.rglob("training.safetensors")
    weights = load_file(file)
    for name, tensor in weights.items():
        if tensor.ndim == 4:
            weights[name] = tensor.flip(0)
    save_file(weights, file)
    found = lines(results, "--evaluate", code=1)
    assert "weights: evaluated again, " in found
    assert "1 differs, 1 verified" in found


def test_weights_that_are_not_stored_are_not_replaced_by_a_training(results: Path) -> None:
    (file,) = results.rglob("training.safetensors")
    file.unlink()
    found = lines(results, "--evaluate", code=1)
    assert "its weights are not stored; --retrain trains it again" in found
    assert "1 unknown, 1 verified" in found


def test_another_picture_is_other_data(pictures: Path, tmp_path: Path) -> None:
    own = shutil.copytree(pictures, tmp_path / "own")
    out, spec = tmp_path / "results", f"folder:{own}[size=16]"
    succeeded(*task(spec, methods="knn[backbone=pixels]", out=out))
    shutil.copy(own / "class 00" / "0.png", own / "class 01" / "0.png")
    assert "data: " in lines(out, "--evaluate", code=1)


DECLARATIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "method.transductive": lambda m: m["method"].update(transductive=True),
    "method.pretrained_on": lambda m: m["method"].update(pretrained_on=["imagenet"]),
    "parameters": lambda m: m.update(parameters=7),
}


def test_what_a_method_does_not_declare_is_named(results: Path) -> None:
    for change in DECLARATIONS.values():
        edit(results, "protonet", change)
    found = lines(results, "--evaluate", code=1)
    for name in DECLARATIONS:
        assert f"claims: {name} " in found


def test_edited_code_is_another_version(results: Path) -> None:
    (run,) = results.glob("*/*/protonet-*")
    edit(results, "protonet", lambda m: m["identity"].update(method_source="ab" * 32))
    from benchbench.runs.names import run_hash

    identity = json.loads((run / "manifest.json").read_text())["identity"]
    run.rename(run.with_name(f"protonet-{run_hash(identity)}"))
    assert "versions: method_source is abab" in lines(results, "--evaluate", code=1)


def test_one_way_at_a_time(results: Path) -> None:
    assert "one at a time" in refused("verify", results, "--evaluate", "--retrain")


def test_a_folder_without_runs_is_told(tmp_path: Path) -> None:
    assert "There are no runs below" in refused("verify", tmp_path)
