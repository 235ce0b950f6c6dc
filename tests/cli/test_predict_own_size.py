"""`benchbench predict` on pictures at their own size: the benchmark's answers, saved learners."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.benchmarked import Benchmarked, answered
from support.command_line import refused, succeeded
from support.own_size import write_encoder, write_own_size

from benchbench.datasets.opening import open_dataset

METHODS = ("knn", "linear_probe", "simpleshot")


class AtOwnSize(Benchmarked):
    """Runs on pictures at their own size, and the files of their episodes."""

    def __init__(self, place: Path) -> None:
        self.encoder = write_encoder(place / "w.safetensors")
        self.pictures = write_own_size(place / "pictures", classes=10)
        super().__init__(place, f"folder:{self.pictures}[size=native,val=0,test=0.5]")
        methods = ",".join(f"{name}[backbone={self.encoder}]" for name in METHODS)
        shape = ("--way", 3, "--query", 3, "--episodes", 4, "--threads", 1)
        of = ("--dataset", self.spec, "--methods", methods, "--out", self.out)
        succeeded("run", *of, *shape, "--no-audit")


@pytest.fixture(scope="module")
def benchmarked(tmp_path_factory: pytest.TempPathFactory) -> Benchmarked:
    return AtOwnSize(tmp_path_factory.mktemp("benchmarked"))


@pytest.mark.parametrize("method", METHODS)
def test_the_answers_are_those_of_the_benchmark(benchmarked: Benchmarked, method: str) -> None:
    for number in range(4):
        episode = benchmarked.episode(method, number)
        options = ("--support", episode.support, "--seed", episode.seed)
        found = answered("--method", benchmarked.run(method), *options, episode.queries)
        assert [row["class"] for row in found] == episode.answers


@pytest.mark.parametrize("method", METHODS)
def test_a_saved_learner_keeps_the_bytes_and_gives_the_same_bits_without_its_data(
    benchmarked: Benchmarked, method: str, tmp_path: Path
) -> None:
    episode, saved = benchmarked.episode(method, 0), tmp_path / "saved"
    options = ("--support", episode.support, "--seed", episode.seed, "--save", saved)
    found = answered("--method", benchmarked.run(method), *options, episode.queries, "--top", 3)
    held = load_file(saved / "support.safetensors")
    files = [file.read_bytes() for file in sorted(episode.support.rglob("*.png"))]
    assert held["lengths"].tolist() == list(map(len, files))
    assert held["images"].tobytes() == b"".join(files)
    learned = load_file(saved / "learned.safetensors")
    kept = open_dataset(benchmarked.spec).splits["train"].size * 8 if method == "simpleshot" else 0
    assert len(learned["kept"]) == kept
    queries = Path(shutil.copytree(episode.queries, tmp_path / "queries"))
    pictures = benchmarked.pictures.rename(benchmarked.place / "gone")
    try:
        again = answered("--method", saved, queries, "--top", 3)
        twice = tmp_path / "twice"
        succeeded("predict", "--method", saved, "--save", twice)
        third = answered("--method", twice, queries, "--top", 3)
    finally:
        pictures.rename(benchmarked.pictures)
    for rows in (again, third):
        assert [row["class"] for row in rows] == [row["class"] for row in found]
        assert [row["score"] for row in rows] == [row["score"] for row in found]


def test_a_spec_frames_by_its_weights_as_the_run_did(benchmarked: Benchmarked) -> None:
    episode = benchmarked.episode("linear_probe", 1)
    spec = f"linear_probe[backbone={benchmarked.encoder}]"
    options = ("--support", episode.support, "--seed", episode.seed, episode.queries)
    of_run = answered("--method", benchmarked.run("linear_probe"), *options)
    native = answered("--method", spec, "--size", "native", *options)
    squares = answered("--method", spec, "--size", 32, *options)
    assert [row["score"] for row in native] == [row["score"] for row in of_run]
    scores = [[float(row["score"]) for row in rows] for rows in (native, squares)]
    assert not np.allclose(*scores)


def test_what_cannot_be_read_is_named_and_the_others_answered(
    benchmarked: Benchmarked, tmp_path: Path
) -> None:
    episode = benchmarked.episode("knn", 0)
    shutil.copytree(episode.queries, tmp_path / "new")
    whole = (tmp_path / "new" / "000.png").read_bytes()
    (tmp_path / "new" / "000.png").write_bytes(whole[: len(whole) // 2])
    of = ("--method", benchmarked.run("knn"), "--support", episode.support)
    done = succeeded("predict", *of, tmp_path / "new", "--format", "csv")
    assert "1 picture cannot be read (no answer)" in done.stderr
    answers = [row["class"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert answers == episode.answers[1:]


def test_what_reads_pixels_is_refused_with_the_cure(benchmarked: Benchmarked) -> None:
    episode = benchmarked.episode("knn", 0)
    of = ("--support", episode.support, episode.queries, "--size", "native")
    assert "give it size=N" in refused("predict", "--method", "knn[backbone=pixels]", *of)
    told = refused("predict", "--method", "knn[backbone=pixels]", *of[:-1], "natural")
    assert "natural" in told
