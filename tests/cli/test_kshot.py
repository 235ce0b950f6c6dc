"""All classes at once by the command line: official training images, and all test images."""

import io
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from sklearn.linear_model import LogisticRegression
from support.command_line import assert_one_sentence, invoke, succeeded, write_pictures

from benchbench.datasets.opening import open_dataset
from benchbench.samplers import ClassPool, create_sampler

METHODS = "knn[backbone=pixels],linear_probe[backbone=pixels]"


def pictures(root: Path, **parts: int) -> str:
    """A prepared folder of six classes that have so many images in each part."""
    write_pictures(root, classes=6, count=sum(parts.values()))
    for folder in sorted(root.iterdir()):
        images = iter(sorted(folder.iterdir()))
        for part, count in parts.items():
            place = root / part / folder.name
            place.mkdir(parents=True, exist_ok=True)
            for image in islice(images, count):
                image.rename(place / image.name)
        folder.rmdir()
    dataset = f"folder:{root}[size=16,val=0,test=1]"
    # What is said of the folder is said here, whichever test comes first.
    succeeded("data", "prepare", dataset)
    return dataset


def test_preparing_tells_the_parts(parted: str) -> None:
    told = succeeded("data", "prepare", parted).stdout
    assert "  parts        36 train, 12 test" in told.splitlines()


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six classes of six training and two test images."""
    return pictures(tmp_path_factory.mktemp("images") / "parted", train=6, test=2)


def run(dataset: str, out: Path, *options: object, methods: str = METHODS) -> Result:
    task = ("--dataset", dataset, "--sampler", "kshot", "--methods", methods)
    return invoke("run", *task, "--no-audit", "--out", out, *options)


def test_a_grid_of_shots_is_tested_on_all_test_images(parted: str, tmp_path: Path) -> None:
    done = run(parted, tmp_path, "--shot", "1,3,all")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("± draws") == done.stdout.count("± test images") == 3
    assert "± episodes" not in done.output
    told = "has images for 1 episode allway-allshot-official; 5 were asked for"
    assert done.stderr.count(told) == 1
    files = tmp_path.rglob("knn-*/manifest.json")
    found = {file.parent.parent.name: json.loads(file.read_text())["episodes"] for file in files}
    assert {protocol: facts["count"] for protocol, facts in found.items()} == {
        "allway-1shot-official": 5,
        "allway-3shot-official": 5,
        "allway-allshot-official": 1,
    }
    assert [facts["way"] for facts in found.values()] == [6, 6, 6]
    assert [facts["query"] for facts in found.values()] == [2, 2, 2]


def test_presets_have_shots_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "many"
    write_pictures(root, classes=2, count=17)
    for folder in sorted(root.iterdir()):
        for number, image in enumerate(sorted(folder.iterdir())):
            place = folder / ("train" if number < 16 else "test")
            place.mkdir(exist_ok=True)
            image.rename(place / image.name)
    task = ("--dataset", f"folder:{root}[size=16,val=0,test=1]", "--no-audit")
    methods = ("--methods", "knn[backbone=pixels]", "--out", tmp_path / "out")
    succeeded("run", *task, *methods, "--sampler", "coop")
    found = {file.parent.parent.name for file in tmp_path.rglob("knn-*/manifest.json")}
    assert found == {f"allway-{shot}shot-official" for shot in (1, 2, 4, 8, 16)}
    again = succeeded("run", *task, *methods, "--sampler", "mieb16")
    assert "± draws" in again.stdout
    manifests = [json.loads(file.read_text()) for file in tmp_path.rglob("manifest.json")]
    assert len(manifests) == 5
    assert "kshot[shot=16]" in {manifest["episodes"]["sampler"] for manifest in manifests}


def test_what_is_stored_is_verified_and_compared(parted: str, tmp_path: Path) -> None:
    run(parted, tmp_path, "--shot", 2)
    assert "2 verified" in succeeded("verify", tmp_path, "--evaluate").stdout
    compared = succeeded("compare", *METHODS.split(","), "--results", tmp_path).stdout
    assert "± draws" in compared
    assert "± classes" not in compared
    assert "Of one draw" not in compared
    board = succeeded("leaderboard", tmp_path, "--out", "-").stdout
    assert "All classes at once, on the official test images." in board
    assert "was drawn" not in board


def test_other_parts_are_found_by_verification(parted: str, tmp_path: Path) -> None:
    """A test image that was called a training image changes the splits' hash."""
    run(parted, tmp_path, "--shot", 2, methods="knn[backbone=pixels]")
    (manifest,) = tmp_path.rglob("manifest.json")
    stored = json.loads(manifest.read_text())
    stored["identity"]["splits"] = "0" * 64
    manifest.write_text(json.dumps(stored))
    assert invoke("verify", tmp_path).exit_code == 1


def test_who_needs_training_classes_is_skipped(parted: str, tmp_path: Path) -> None:
    methods = "protonet,knn,simpleshot[backbone=pixels],maml,knn[backbone=pixels]"
    done = run(parted, tmp_path, methods=methods)
    assert done.exit_code == 0, done.output
    reason = "skipped: it learns from training classes and this task has none"
    assert done.stdout.count(reason) == 3
    assert (
        "skipped: it centres by the mean of training classes and this task has none" in done.stdout
    )
    assert len(list(tmp_path.rglob("manifest.json"))) == 1


def test_pre_training_without_labels_sees_the_training_images(parted: str, tmp_path: Path) -> None:
    """One training for all draws and shots, repeated bit for bit, and ranked apart."""
    probe = "linear_probe[pretrain=vicreg,backbone=conv4[width=4]]"
    done = run(parted, tmp_path, "--shot", "2,all", "--budget", 2, methods=f"{probe},{METHODS}")
    assert done.exit_code == 0, done.output
    assert "skipped" not in done.stdout
    (weights,) = tmp_path.rglob("vicreg.safetensors")
    assert weights.parent.parent.name == "pretrained"
    assert "no-training-labels" in succeeded("leaderboard", tmp_path, "--out", "-").stdout
    assert "differs" not in succeeded("verify", tmp_path, "--retrain").stdout


def test_the_one_draw_of_all_images_is_compared_over_the_test_images(
    parted: str, tmp_path: Path
) -> None:
    run(parted, tmp_path, "--shot", "2,all")
    arguments = ("compare", *METHODS.split(","), "--results", tmp_path)
    compared = succeeded(*arguments).stdout
    assert "allway-2shot-official" in compared
    assert compared.count("Of one draw there are no ± draws") == 1
    frame = pd.read_csv(io.StringIO(succeeded(*arguments, "--format", "csv").stdout))
    (alone,) = frame[frame.protocol == "allway-allshot-official"].to_dict("records")
    assert alone["episodes"] == 1
    assert np.isnan(alone["ci_episodes"])
    assert alone["difference"] == pytest.approx(alone["accuracy_a"] - alone["accuracy_b"])
    assert alone["p_sign_flip"] == 1
    assert (alone["ci_images"] > 0) == (alone["difference"] != 0)


def test_the_probe_of_all_images_is_that_of_scikit_learn(tmp_path: Path) -> None:
    """360 images of 256 numbers, which L-BFGS solves, and the draws of 20 shots among them."""
    dataset = pictures(tmp_path / "many", train=60, test=10)
    done = run(dataset, tmp_path, "--shot", "20,all", methods="linear_probe[backbone=pixels]")
    assert done.exit_code == 0, done.output
    data = open_dataset(dataset)
    pixels = data.images(np.arange(len(data.labels))).reshape(len(data.labels), -1) / 255.0
    features = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    compared = 0
    for shot in ("20", "all"):
        episodes = create_sampler(f"kshot[shot={shot}]").sample(ClassPool(data, "test"), 5)
        (rows,) = tmp_path.rglob(f"allway-{shot}shot-official/*/episodes.csv")
        stored = pd.read_csv(rows).correct.tolist()
        for episode, correct in zip(episodes, stored, strict=True):
            model = LogisticRegression(C=1.0, tol=1e-8, max_iter=10_000)
            model.fit(features[episode.support], episode.support_labels)
            answers = model.predict(features[episode.query])
            assert int((answers == episode.query_labels).sum()) == correct
            compared += 1
    assert compared == 6


def test_who_chooses_on_validation_images_is_ranked_apart(tmp_path: Path) -> None:
    dataset = pictures(tmp_path / "three", train=4, val=3, test=2)
    methods = "linear_probe[backbone=pixels],linear_probe[c=sweep,backbone=pixels]"
    out = tmp_path / "results"
    done = run(dataset, out, "--shot", 2, methods=methods)
    assert done.exit_code == 0, done.output
    found = [json.loads(file.read_text())["method"] for file in out.rglob("manifest.json")]
    declared = {one["parameters"]["c"]: one.get("uses_validation", False) for one in found}
    assert declared == {1.0: False, "sweep": True}
    board = succeeded("leaderboard", out, "--out", "-").stdout
    assert "inductive (claimed), validation-labels" in board
    assert "inductive, unprotected; inductive, validation-labels, unprotected." in board
    assert "Validation labels: hyper-parameters were chosen on labelled images" in board
    assert "2 verified" in succeeded("verify", out, "--evaluate").stdout


def test_who_chooses_on_validation_images_is_skipped_where_there_are_none(
    parted: str, tmp_path: Path
) -> None:
    done = run(parted, tmp_path, methods="linear_probe[c=sweep,backbone=pixels]")
    assert done.exit_code == 2
    assert "it chooses on an official validation part and this task has none" in done.stderr


def test_several_methods_answer_together(parted: str, tmp_path: Path) -> None:
    """As one run, which verification repeats, in a process that is told of no label."""
    members = "linear_probe[c=0.1,backbone=pixels]+ridge_probe[backbone=pixels]"
    done = run(parted, tmp_path, "--shot", 2, methods=f"ensemble[of={members}]")
    assert done.exit_code == 0, done.output
    assert "1 verified" in succeeded("verify", tmp_path, "--evaluate").stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--way", 5), "The sampler 'kshot' has no --way"),
        (("--shot", 7), "has 6 train images and 7 are needed; use --shot 6 or fewer"),
        (("--shot", "some"), "'some' is not a whole number or all."),
        (("--dataset", "glyphs"), "glyphs does not say which of a class's images are for training"),
        (("--sampler", "fixed", "--shot", "all"), "add --sampler kshot, or give --shot a number"),
    ],
)
def test_what_cannot_be_is_refused(
    parted: str, tmp_path: Path, options: tuple[object, ...], sentence: str
) -> None:
    done = run(parted, tmp_path, *options)
    assert done.exit_code == 2
    assert sentence in done.output
    assert_one_sentence(done)
