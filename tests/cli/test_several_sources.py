"""`benchbench run --dataset multi:...`: one training, a table of test sources, average ranks."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from support.command_line import assert_one_sentence, invoke, refused, succeeded
from support.runs import TRANSDUCTIVE

from benchbench.cli.tables import _warn_of_shared_classes
from benchbench.datasets.joint import joined
from benchbench.datasets.problem import Problem
from benchbench.runs.directory import RunDirectory

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
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def run(pictures: Path, out: Path) -> Callable[..., Result]:
    """Runs on the three folders, with results in one place."""

    def start(*more: object, parameters: str = "size=16") -> Result:
        dataset = f"multi:folder:land,folder:sea,folder:sky[{parameters}]"
        return invoke(
            *("run", "--dataset", dataset, "--out", out, "--data-root", pictures, "--no-audit"),
            *("--budget", "smoke", "--episodes", EPISODES, "--shot", 1, "--query", 4, *more),
        )

    return start


@pytest.fixture(scope="module")
def finished(run: Callable[..., Result], out: Path) -> Result:
    result = run("--methods", "protonet,knn[backbone=pixels]")
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def manifests(finished: Result, out: Path) -> dict[str, dict[str, Any]]:
    """Those of ProtoNet by source."""
    files = sorted(out.rglob("protonet-*/manifest.json"))
    loaded = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {manifest["dataset"]["source"]: manifest for manifest in loaded}


def test_every_source_has_a_column_and_every_method_an_average_rank(finished: Result) -> None:
    table = finished.stdout.partition("## All 3 sources")[2]
    header = [cell.strip() for cell in table.strip().splitlines()[0].strip("|").split("|")]
    assert header == ["method", "setting", "average rank", "land", "sea", "sky"]
    ranks = [float(rank) for rank in re.findall(r"\| +(\d\.\d\d) \|", table)]
    assert sum(ranks) == pytest.approx(3)
    for source in ("land", "sea", "sky"):
        assert f"## {source}\n\n| method" in finished.stdout


@pytest.mark.usefixtures("finished")
def test_a_broken_claim_is_ranked_apart_among_the_sources(run, out: Path, tmp_path: Path) -> None:
    """Found out by the audit on one source; the same command prints the stored runs again."""
    copy = shutil.copytree(out, tmp_path / "results")
    found = [file for file in copy.rglob("protonet-*/manifest.json") if "sea" in file.parts]
    RunDirectory(found[0].parent).update(audit=TRANSDUCTIVE)
    result = run("--methods", "protonet,knn[backbone=pixels]", "--out", copy)
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


def test_training_happens_once(manifests: dict[str, dict[str, Any]], out: Path) -> None:
    assert set(manifests) == {"land", "sea", "sky"}
    times = {manifest["training"][0]["seconds"] for manifest in manifests.values()}
    assert len(times) == 1  # measured, so that two trainings would differ
    assert len(list(out.glob("pretrained/protonet-*/*.safetensors"))) == 1


def test_the_manifest_says_what_was_learnt_from(manifests: dict[str, dict[str, Any]]) -> None:
    learnt = manifests["sea"]["dataset"]["trained_on"]
    assert learnt["sources"] == ["land"]
    assert learnt["classes"] == {"train": 11, "val": 3, "test": 0}
    assert manifests["sea"]["identity"]["trained_on"]["fingerprint"] == learnt["fingerprint"]


def test_the_same_command_computes_nothing_again(finished: Result, run) -> None:
    again = run("--methods", "protonet,knn[backbone=pixels]")
    assert again.stdout == finished.stdout
    assert again.stderr.count("stored in") == 6


def test_a_source_alone_has_the_same_episodes(manifests, pictures: Path) -> None:
    made = invoke(
        *("episodes", "make", "--data-root", pictures, "--dataset", "folder:sky[size=16]"),
        *("--episodes", EPISODES, "--shot", 1, "--query", 4),
    )
    assert manifests["sky"]["episodes"]["sha256"] in made.stdout


@pytest.mark.usefixtures("finished")
def test_a_leaderboard_has_one_file_with_the_sources_side_by_side(out, tmp_path: Path) -> None:
    succeeded("leaderboard", out, "--out", tmp_path)
    (file,) = tmp_path.iterdir()
    text = file.read_text(encoding="utf-8")
    assert "average rank |" in text
    assert text.index("average rank |") < text.index("## land, trained on land, 5way")
    succeeded("leaderboard", out, "--out", tmp_path, "--check")


def test_a_file_of_episodes_is_of_one_data_set(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--episodes", tmp_path / "frozen.npz")
    assert_one_sentence(result, "choose one with test_source=NAME")


def test_what_a_later_source_lacks_is_told_before_anything_is_run(pictures, tmp_path) -> None:
    dataset = "multi:folder:land,folder:sea[test=0.2][size=16]"
    told = refused(
        *("run", "--dataset", dataset, "--data-root", pictures, "--way", 6, "--query", 4),
        *("--out", tmp_path / "results", "--budget", "smoke"),
    )
    assert "split 'test' of folder:sea[size=16,test=0.2] has 5; use --way 5" in told
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("wanted", ["sea", "multi:folder:land,folder:sea,folder:sky[size=16]"])
def test_methods_are_compared_on_a_source_or_on_all(out: Path, wanted: str) -> None:
    methods = ("protonet", "knn[backbone=pixels]")
    result = succeeded("compare", *methods, "--dataset", wanted, "--results", out)
    assert result.stdout.count("test_source=") == (1 if wanted == "sea" else 3)


def test_a_method_is_checked_on_what_a_source_is_learnt_from(pictures: Path) -> None:
    dataset = "multi:folder:land,folder:sea[size=16,test_source=sea]"
    check = ("check", "protonet", "--only", "query_order")
    succeeded(*check, "--dataset", dataset, "--data-root", pictures)


def test_a_source_whose_test_classes_may_have_been_learnt_is_told(make_dataset, capsys) -> None:
    member = make_dataset()
    train = joined({"cifar_fs": member, "dtd": member, "fc100": member}, [])
    tested = replace(member, name="fc100[size=32]")
    _warn_of_shared_classes(Problem(tested, train, "multi:...", "multi:...", "fc100"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fc100 is no unseen data where cifar_fs was learnt from: ")
    assert "both are CIFAR-100. `benchbench data verify`" in line
    _warn_of_shared_classes(Problem.of(member))
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("finished")
def test_another_training_is_another_run(run: Callable[..., Result], out: Path) -> None:
    result = run("--methods", "protonet", parameters="size=16,train=all,test_source=sea")
    assert result.exit_code == 0, result.output
    assert "stored in" not in result.stderr
    assert len(list(out.glob("pretrained/protonet-*/*.safetensors"))) == 2


@pytest.mark.usefixtures("finished")
def test_sources_that_share_a_training_are_not_set_beside_other_data_sets(out, tmp_path) -> None:
    told = refused("leaderboard", out, "--out", tmp_path, "--across", "all")
    assert "--across needs results on two data sets" in told
