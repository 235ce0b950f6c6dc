"""What benchbench promises on real Omniglot, at full length (`tox -e slow`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.data]


def run(data_root: Path, out: Path, *options: str) -> pd.DataFrame:
    """The leaderboard of one `benchbench run`."""
    common = ["--dataset", "omniglot", "--data-root", str(data_root), "--out", str(out)]
    for arguments in (["run", *common, *options], ["leaderboard", str(out), "--format", "csv"]):
        command = [sys.executable, "-m", "benchbench.cli", *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (out / "leaderboard.csv").write_text(done.stdout, encoding="utf-8")
    return pd.read_csv(out / "leaderboard.csv").set_index("method")


@pytest.mark.parametrize(("shot", "least"), [(1, 0.960), (5, 0.988)])
def test_protonet_reaches_its_accuracy_on_the_test_alphabets(
    data_root: Path, tmp_path: Path, shot: int, least: float
) -> None:
    table = run(data_root, tmp_path, "--methods", "knn,protonet", "--shot", str(shot))
    assert table.loc["protonet", "accuracy"] >= least
    assert table.loc["knn", "accuracy"] < table.loc["protonet", "accuracy"]
    assert table.loc["protonet", "episodes"] == 600


def test_baselines_on_a_classifiers_features_share_its_training(
    data_root: Path, tmp_path: Path
) -> None:
    methods = "knn[backbone=conv4,distance=cosine],linear_probe"
    table = run(data_root, tmp_path, "--methods", methods)
    assert table["accuracy"].min() >= 0.88
    assert len(list((tmp_path / "pretrained").iterdir())) == 1


@pytest.mark.parametrize(("shot", "least"), [(1, 0.94), (5, 0.98)])
def test_matchingnet_reaches_its_accuracy_on_the_test_alphabets(
    data_root: Path, tmp_path: Path, shot: int, least: float
) -> None:
    table = run(data_root, tmp_path, "--methods", "matchingnet", "--shot", str(shot))
    assert table.loc["matchingnet", "accuracy"] >= least


def test_the_same_seed_gives_the_same_bits(data_root: Path, tmp_path: Path) -> None:
    contents = []
    for out in (tmp_path / "one", tmp_path / "two"):
        run(data_root, out, "--methods", "protonet", "--budget", "60", "--episodes", "200")
        folder = next(out.glob("omniglot/*/protonet-*"))
        contents.append(
            [(folder / name).read_bytes() for name in ("episodes.csv", "training.safetensors")]
        )
    assert contents[0] == contents[1]


def test_lakes_runs_are_a_sane_problem(data_root: Path, tmp_path: Path) -> None:
    """Nearest neighbours of raw pixels err far above a person's 4.5 % and far below chance."""
    command = [sys.executable, "-m", "benchbench.cli", "run", "--methods", "knn"]
    command += ["--dataset", "omniglot_lake", "--data-root", str(data_root)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    accuracy = float(done.stdout.splitlines()[2].split("|")[2])
    assert 20 < accuracy < 80
