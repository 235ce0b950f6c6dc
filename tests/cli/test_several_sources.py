"""`benchbench run --dataset multi:...`: one training, a table of test sources, average ranks."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from support.runs import TRANSDUCTIVE

from benchbench.cli.main import cli
from benchbench.cli.tables import _warn_of_shared_classes
from benchbench.datasets.base import OpenDataset
from benchbench.datasets.joint import joined
from benchbench.datasets.problem import Problem
from benchbench.runs.store import RunDirectory

EPISODES = 12


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folders of classes that differ in their mean colour: `land`, `sea` and `sky`."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name in ("land", "sea", "sky"):
        for label in range(20):
            folder = root / name / f"{name} {label}"
            folder.mkdir(parents=True)
            colour = rng.integers(40, 216, 3)
            for number in range(10):
                pixels = colour + rng.integers(-40, 41, (16, 16, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """Runs on the three folders, with results in one place."""
    out = tmp_path_factory.mktemp("results")

    def invoke(*more: object, parameters: str = "size=16") -> Result:
        dataset = f"multi:folder:land,folder:sea,folder:sky[{parameters}]"
        arguments: list[object] = ["run", "--dataset", dataset, "--out", out]
        arguments += ["--data-root", pictures, "--budget", "smoke", "--episodes", EPISODES]
        arguments += ["--shot", 1, "--query", 4, "--no-audit"]
        return CliRunner().invoke(cli, [*map(str, arguments), *map(str, more)])

    invoke.out = out  # type: ignore[attr-defined]
    return invoke


@pytest.fixture(scope="module")
def finished(run: Callable[..., Result]) -> tuple[Result, dict[str, dict[str, Any]]]:
    """The command, and the manifests of ProtoNet by source."""
    result = run("--methods", "protonet,knn[backbone=pixels]")
    out: Path = run.out  # type: ignore[attr-defined]
    files = sorted(out.rglob("protonet-*/manifest.json"))
    manifests = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return result, {manifest["dataset"]["source"]: manifest for manifest in manifests}


def test_every_source_has_a_column_and_every_method_an_average_rank(
    finished: tuple[Result, dict[str, dict[str, Any]]],
) -> None:
    result, _ = finished
    assert result.exit_code == 0, result.output
    table = result.stdout.partition("## All 3 sources")[2]
    header = [cell.strip() for cell in table.strip().splitlines()[0].strip("|").split("|")]
    assert header == ["method", "setting", "average rank", "land", "sea", "sky"]
    ranks = [float(rank) for rank in re.findall(r"\| +(\d\.\d\d) \|", table)]
    assert sum(ranks) == pytest.approx(3)
    for source in ("land", "sea", "sky"):
        assert f"## {source}\n\n| method" in result.stdout


def test_a_broken_claim_is_ranked_apart_among_the_sources(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result], tmp_path: Path
) -> None:
    """Found out by the audit on one source; the same command prints the stored runs again."""
    out = tmp_path / "results"
    shutil.copytree(run.out, out)  # type: ignore[attr-defined]
    found = [file for file in out.rglob("protonet-*/manifest.json") if "sea" in file.parts]
    RunDirectory(found[0].parent).update(audit=TRANSDUCTIVE)
    result = run("--methods", "protonet,knn[backbone=pixels]", "--out", out)
    assert result.stderr.count("stored in") == 6
    table = result.stdout.partition("## All 3 sources")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines()[4:6]]
    assert rows == [
        ["knn[backbone=pixels]", "inductive (claimed), unprotected", "1.00"],
        ["protonet", "transductive, unprotected", "1.00"],
    ]
    assert "Ranked apart: inductive, unprotected; transductive, unprotected." in table
    assert "protonet claims to be inductive" in table
    noted = [line for line in result.stdout.splitlines() if "against its claim" in line]
    assert len(noted) == 1
    assert noted[0].startswith("| protonet")


def test_training_happens_once(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result]
) -> None:
    _, manifests = finished
    assert set(manifests) == {"land", "sea", "sky"}
    times = {manifest["training"][0]["seconds"] for manifest in manifests.values()}
    assert len(times) == 1  # measured, so that two trainings would differ
    assert len(list(run.out.glob("pretrained/protonet-*/*.safetensors"))) == 1  # type: ignore[attr-defined]


def test_the_manifest_says_what_was_learnt_from(
    finished: tuple[Result, dict[str, dict[str, Any]]],
) -> None:
    _, manifests = finished
    learnt = manifests["sea"]["dataset"]["trained_on"]
    assert learnt["sources"] == ["land"]
    assert learnt["classes"] == {"train": 11, "val": 3, "test": 0}
    assert manifests["sea"]["identity"]["trained_on"]["fingerprint"] == learnt["fingerprint"]


def test_the_same_command_computes_nothing_again(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result]
) -> None:
    again = run("--methods", "protonet,knn[backbone=pixels]")
    assert again.stdout == finished[0].stdout
    assert again.stderr.count("stored in") == 6


def test_a_source_alone_has_the_same_episodes(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result], pictures: Path
) -> None:
    arguments = ["episodes", "make", "--data-root", str(pictures), "--episodes", str(EPISODES)]
    arguments += ["--shot", "1", "--query", "4", "--dataset", "folder:sky[size=16]"]
    made = CliRunner().invoke(cli, arguments)
    assert finished[1]["sky"]["episodes"]["sha256"] in made.stdout


def test_a_leaderboard_has_one_file_with_the_sources_side_by_side(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result], tmp_path: Path
) -> None:
    arguments = ["leaderboard", str(run.out), "--out", str(tmp_path)]  # type: ignore[attr-defined]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    (file,) = tmp_path.iterdir()
    text = file.read_text(encoding="utf-8")
    assert "average rank |" in text
    assert text.index("average rank |") < text.index("## land, trained on land, 5way")
    assert CliRunner().invoke(cli, [*arguments, "--check"]).exit_code == 0


def test_a_file_of_episodes_is_of_one_data_set(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--episodes", tmp_path / "frozen.npz")
    assert result.exit_code == 2
    assert "choose one with test_source=NAME" in result.stderr


def test_what_a_later_source_lacks_is_told_before_anything_is_run(
    pictures: Path, tmp_path: Path
) -> None:
    dataset = "multi:folder:land,folder:sea[test=0.2][size=16]"
    arguments = ["run", "--dataset", dataset, "--data-root", str(pictures), "--way", "6"]
    arguments += ["--query", "4", "--out", str(tmp_path / "results"), "--budget", "smoke"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "split 'test' of folder:sea[size=16,test=0.2] has 5; use --way 5" in result.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("wanted", ["sea", "multi:folder:land,folder:sea,folder:sky[size=16]"])
def test_methods_are_compared_on_a_source_or_on_all(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result], wanted: str
) -> None:
    arguments = ["compare", "protonet", "knn[backbone=pixels]", "--dataset", wanted]
    result = CliRunner().invoke(cli, [*arguments, "--results", str(run.out)])  # type: ignore[attr-defined]
    assert result.exit_code == 0, result.output
    assert result.stdout.count("test_source=") == (1 if wanted == "sea" else 3)


def test_a_method_is_checked_on_what_a_source_is_learnt_from(pictures: Path) -> None:
    dataset = "multi:folder:land,folder:sea[size=16,test_source=sea]"
    arguments = ["check", "protonet", "--dataset", dataset, "--data-root", str(pictures)]
    result = CliRunner().invoke(cli, [*arguments, "--only", "query_order"])
    assert result.exit_code == 0, result.output


def test_a_source_whose_test_classes_may_have_been_learnt_is_told(
    make_dataset: Callable[..., OpenDataset], capsys: pytest.CaptureFixture[str]
) -> None:
    member = make_dataset()
    train = joined({"cifar_fs": member, "dtd": member, "fc100": member}, [])
    tested = replace(member, name="fc100[size=32]")
    _warn_of_shared_classes(Problem(tested, train, "multi:...", "multi:...", "fc100"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fc100 is no unseen data where cifar_fs was learnt from: ")
    assert "both are CIFAR-100. `benchbench data verify`" in line
    _warn_of_shared_classes(Problem.of(member))
    assert capsys.readouterr().err == ""


def test_another_training_is_another_run(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result]
) -> None:
    result = run("--methods", "protonet", parameters="size=16,train=all,test_source=sea")
    assert result.exit_code == 0, result.output
    assert "stored in" not in result.stderr
    trained = run.out.glob("pretrained/protonet-*/*.safetensors")  # type: ignore[attr-defined]
    assert len(list(trained)) == 2


def test_sources_that_share_a_training_are_not_set_beside_other_data_sets(
    finished: tuple[Result, dict[str, dict[str, Any]]], run: Callable[..., Result], tmp_path: Path
) -> None:
    arguments = ["leaderboard", str(run.out), "--out", str(tmp_path), "--across", "all"]  # type: ignore[attr-defined]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "--across needs results on two data sets" in result.stderr
