"""The same pictures read in two ways: frozen episodes of one on the other, and the difference."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from support.command_line import refused, succeeded
from support.own_size import write_encoder, write_own_size

from benchbench.episodes import EpisodeSet

SHAPE = ("--way", 3, "--query", 3, "--episodes", 12)
SPLIT = "val=0.0,test=0.5"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "w.safetensors")


@pytest.fixture(scope="module")
def ran(encoder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, a file of the squares' episodes, and results of both in `r`."""
    place = tmp_path_factory.mktemp("both")
    write_own_size(place / "pictures", classes=10)
    make(place, "squares", place / "e.npz")
    assert "the same 80 pictures" not in run(place, encoder, "squares", *SHAPE).stderr
    told = run(place, encoder, "native", "--episodes", place / "e.npz").stderr
    assert "the same 80 pictures in the same 10 classes by the names of their files" in told
    return place


def spec(place: Path, kind: str) -> str:
    size = {"squares": 40, "native": "native"}[kind]
    return f"folder:{place / 'pictures'}[size={size},{SPLIT}]"


def make(place: Path, kind: str, file: Path) -> None:
    succeeded("episodes", "make", "--dataset", spec(place, kind), *SHAPE, "--out", file)


def run(place: Path, encoder: str, kind: str, *options: object, out: str = "r") -> Result:
    methods = ",".join(f"{name}[backbone={encoder}]" for name in ("knn", "linear_probe"))
    of = ("--dataset", spec(place, kind), "--methods", methods, "--out", place / out)
    return succeeded("run", *of, *options, "--threads", 1, "--no-audit")


def by_size(place: Path, method: str) -> list[str]:
    """The folders of a method's runs, of pictures at their own size and of squares."""
    found = {
        content["dataset"]["image_shape"][0]: str(file.parent)
        for file, content in manifests_of(place / "r")
        if content["method"]["name"] == method
    }
    return [found[0], found[40]]


def manifests_of(out: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(file, json.loads(file.read_text())) for file in sorted(out.rglob("manifest.json"))]


def test_the_file_gives_the_pictures_at_their_own_size_the_squares_episodes(ran: Path) -> None:
    found = [json.loads(Path(run, "manifest.json").read_text()) for run in by_size(ran, "knn")]
    native, squares = found
    assert native["episodes"]["sha256"] == squares["episodes"]["sha256"]
    assert native["identity"]["episodes_of"] == squares["identity"]["fingerprint"]
    assert native["identity"]["fingerprint"] != squares["identity"]["fingerprint"]
    assert native["episodes"]["of"].endswith(f"[size=40,{SPLIT}]")
    assert "episodes_of" not in squares["identity"]
    assert "of" not in squares["episodes"]
    assert "4 verified" in succeeded("verify", ran / "r", "--evaluate").stdout


def test_compare_pairs_run_directories_episode_by_episode(ran: Path) -> None:
    runs = by_size(ran, "knn")
    told = succeeded("compare", *runs).stdout
    assert "Both sides met the same episodes, of the same pictures: at their own size in " in told
    assert "at 40 x 40 pixels in " in told
    frame = pd.read_csv(io.StringIO(succeeded("compare", *runs, "--format", "csv").stdout))
    accuracies = [pd.read_csv(Path(run) / "episodes.csv")["accuracy"] for run in runs]
    assert frame["difference"][0] == pytest.approx(np.mean(accuracies[0] - accuracies[1]))
    assert frame["episodes"][0] == 12
    assert frame["a"][0].endswith(f" on {spec(ran, 'native')}")
    assert frame["dataset_b"][0] == spec(ran, "squares")


def test_compare_pairs_each_method_with_itself_on_two_data_sets(ran: Path, encoder: str) -> None:
    names = [f"{name}[backbone={encoder}]" for name in ("knn", "linear_probe")]
    typed = spec(ran, "native").replace("val=0.0", "val=0")
    both = ("--dataset", typed, "--dataset", spec(ran, "squares"))
    of = (*names, *both, "--results", ran / "r", "--format", "csv")
    frame = pd.read_csv(io.StringIO(succeeded("compare", *of).stdout))
    assert len(frame) == 2
    assert [name.partition("[")[0] for name in frame["b"]] == ["knn", "linear_probe"]
    one = pd.read_csv(
        io.StringIO(succeeded("compare", *by_size(ran, "linear_probe"), "--format", "csv").stdout)
    )
    assert frame["difference"][1] == one["difference"][0]
    told = refused("compare", names[0], *both, "--results", ran / "r", "--reference", names[0])
    assert "leave it out" in told


def test_episodes_of_ones_own_are_another_run_and_another_table(ran: Path, encoder: str) -> None:
    place = Path(shutil.copytree(ran / "r", ran / "with own"))
    run(ran, encoder, "native", *SHAPE, out=place.name)
    native = [one for _, one in manifests_of(place) if one["dataset"]["image_shape"][0] == 0]
    assert len(native) == 4
    of_squares = {one["episodes"]["sha256"] for one in native if "episodes_of" in one["identity"]}
    own = {one["episodes"]["sha256"] for one in native if "episodes_of" not in one["identity"]}
    assert (len(of_squares), len(own), len(of_squares & own)) == (1, 1, 0)
    board = succeeded("leaderboard", place, "--out", "-")
    tables = [line for line in board.stdout.splitlines() if line.startswith("## ")]
    assert len(tables) == 3
    assert len(set(tables)) == 3
    assert sum("episodes of the same pictures read otherwise" in line for line in tables) == 1
    assert "left out" not in board.stderr
    both = ("--dataset", spec(ran, "native"), "--dataset", spec(ran, "squares"))
    name = f"knn[backbone={encoder}]"
    assert "Both sides" in succeeded("compare", name, *both, "--results", place).stdout


def test_squares_take_the_episodes_of_pictures_at_their_own_size(ran: Path, encoder: str) -> None:
    make(ran, "native", ran / "n.npz")
    told = run(ran, encoder, "squares", "--episodes", ran / "n.npz", out="n").stderr
    assert "the same 80 pictures" in told
    (sha256,) = {one["episodes"]["sha256"] for _, one in manifests_of(ran / "n")}
    assert sha256 == EpisodeSet.load(ran / "n.npz").sha256


def test_other_pictures_are_refused_with_the_reason(
    ran: Path, encoder: str, tmp_path: Path
) -> None:
    def told(root: Path, file: Path) -> str:
        dataset = f"folder:{root}[size=native,{SPLIT}]"
        of = ("--methods", f"knn[backbone={encoder}]", "--out", tmp_path / "r")
        return refused("run", "--dataset", dataset, *of, "--episodes", file)

    other = Path(shutil.copytree(ran / "pictures", tmp_path / "other"))
    (other / "class00" / "7.png").rename(other / "class00" / "8.png")
    assert "the names of their files are others" in told(other, ran / "e.npz")
    (other / "class00" / "8.png").unlink()
    assert "another number of images" in told(other, ran / "e.npz")
    same_names = write_own_size(tmp_path / "same names", classes=10, seed=1)
    assert "80 of 80 pictures that were looked at are others" in told(same_names, ran / "e.npz")
    old = tmp_path / "old.npz"
    replace(EpisodeSet.load(ran / "e.npz"), pictures={}).save(old)
    assert "it does not say which they are; make it again" in told(ran / "pictures", old)


def test_an_archive_is_the_same_as_its_folder(ran: Path, encoder: str, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", ran / "pictures")
    of = ("--methods", f"knn[backbone={encoder}]", "--out", tmp_path / "r", "--no-audit")
    dataset = f"folder:{packed}[size=native,{SPLIT}]"
    told = succeeded("run", "--dataset", dataset, *of, "--episodes", ran / "e.npz").stderr
    assert "by the names of their files and the looks of 80 of them" in told
