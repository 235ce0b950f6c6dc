"""What benchbench promises of zero-shot classification by names, at full length."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def run(out: Path, *options: str) -> pd.Series:
    """The leaderboard's row of one run of the tiny CLIP, with two threads."""
    method = ["--methods", "clip_zero_shot[model=tiny]", "--out", str(out), *options]
    for arguments in (["run", *method], ["leaderboard", str(out), "--format", "csv", "--out", "-"]):
        command = [sys.executable, "-m", "benchbench.cli", *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (out / "leaderboard.csv").write_text(done.stdout, encoding="utf-8")
    return pd.read_csv(out / "leaderboard.csv").iloc[0]


def test_unseen_combinations_are_named_without_any_support(tmp_path: Path) -> None:
    row = run(tmp_path, "--dataset", "shapes", "--way", "5", "--shot", "0", "--threads", "2")
    assert row["accuracy"] >= 0.80
    assert row["training_seconds"] + row["episodes"] * row["seconds_per_episode"] < 300


def test_permuted_names_leave_chance(tmp_path: Path) -> None:
    """On average over permutations: one moves the accuracy by 3 points (a standard deviation)."""
    accuracies = []
    for seed in range(6):
        dataset = f"shapes[permute_names=true,seed={seed}]"
        options = ("--way", "5", "--shot", "0", "--threads", "1", "--episodes", "300")
        accuracies.append(run(tmp_path / str(seed), "--dataset", dataset, *options)["accuracy"])
    assert 0.17 <= sum(accuracies) / len(accuracies) <= 0.23


@pytest.mark.data
def test_it_runs_on_photographs(data_root: Path, tmp_path: Path) -> None:
    dataset = f"folder:{data_root / 'folders' / 'caltech101.zip'}"
    row = run(tmp_path, "--dataset", dataset, "--way", "5", "--shot", "0", "--budget", "60")
    assert row["episodes"] == 600
    assert row["accuracy"] > 0.15
