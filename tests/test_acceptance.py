"""What benchbench promises on real Omniglot, at full length (`tox -e slow`)."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.data]


def run(data_root: Path, out: Path, *options: str) -> pd.DataFrame:
    """The leaderboard of one `benchbench run`."""
    common = ["--dataset", "omniglot", "--data-root", str(data_root), "--out", str(out)]
    for arguments in (
        ["run", *common, *options],
        ["leaderboard", str(out), "--format", "csv", "--out", "-"],
    ):
        command = [sys.executable, "-m", "benchbench.cli", *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (out / "leaderboard.csv").write_text(done.stdout, encoding="utf-8")
    return pd.read_csv(out / "leaderboard.csv").set_index("method")


LEAST = {
    "protonet": (0.960, 0.988),
    "maml": (0.90, 0.96),
    "fomaml": (0.85, 0.95),
    "proto_maml": (0.95, 0.98),
    "fo_proto_maml": (0.94, 0.98),
    "matchingnet": (0.94, 0.98),
}
"""The least accuracy at 1 and at 5 shots, on characters of the test alphabets."""


@pytest.mark.parametrize("method", LEAST)
def test_it_reaches_its_accuracy_on_the_test_alphabets(data_root, tmp_path, method) -> None:
    found = []
    for shot, least in zip((1, 5), LEAST[method], strict=True):
        table = run(data_root, tmp_path / str(shot), "--methods", method, "--shot", str(shot))
        assert table.loc[method, "episodes"] == 600
        assert table.loc[method, "accuracy"] >= least
        found.append(table.loc[method, "accuracy"])
    assert found[0] < found[1]


def test_methods_that_start_from_a_classifier_share_its_training(data_root, tmp_path) -> None:
    methods = "knn,linear_probe,finetune"
    once = run(data_root, tmp_path, "--methods", methods)
    assert once["accuracy"].min() >= 0.88
    more = run(data_root, tmp_path / "five", "--methods", methods, "--shot", "5")
    assert (more["accuracy"][once.index] > once["accuracy"]).all()
    assert len(list((tmp_path / "pretrained").iterdir())) == 1


def test_all_methods_run_in_one_command(data_root: Path, tmp_path: Path) -> None:
    """On characters, whose names are no words, and on photographs of 84 px."""
    methods = "knn,finetune,matchingnet,protonet,maml,fomaml,proto_maml,fo_proto_maml,linear_probe"
    photographs = f"folder:{data_root / 'folders' / 'caltech101.zip'}"
    for dataset, reason in (("omniglot", "no names in words"), (photographs, None)):
        command = [sys.executable, "-m", "benchbench.cli", "run", "--dataset", dataset]
        command += ["--methods", f"{methods},clip_zero_shot", "--budget", "smoke"]
        command += ["--episodes", "20", "--data-root", str(data_root), "--out", str(tmp_path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        *rows, last = done.stdout.splitlines()[2:]
        assert [line.split("|")[1].strip() for line in rows] == methods.split(",")
        assert (reason in last) if reason else ("skipped" not in last)


def test_the_same_seed_gives_the_same_bits(data_root: Path, tmp_path: Path) -> None:
    files = ("episodes.csv", "training/training.safetensors")
    contents = []
    for out in (tmp_path / "one", tmp_path / "two"):
        run(data_root, out, "--methods", "protonet", "--budget", "60", "--episodes", "200")
        folder = next(out.glob("omniglot/*/protonet-*"))
        contents.append([(folder / name).read_bytes() for name in files])
    assert contents[0] == contents[1]


def test_lakes_runs_are_a_sane_problem(data_root: Path, tmp_path: Path) -> None:
    """Nearest neighbours of raw pixels err far above a person's 4.5 % and far below chance."""
    method = "knn[backbone=pixels,distance=euclidean]"
    command = [sys.executable, "-m", "benchbench.cli", "run", "--methods", method]
    command += ["--dataset", "omniglot_lake", "--data-root", str(data_root)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    accuracy = float(done.stdout.splitlines()[2].split("|")[2])
    assert 20 < accuracy < 80
