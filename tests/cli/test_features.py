"""Features by the command line: made, listed, exported, run on without an image, deleted."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support.command_line import invoke, process, refused, succeeded, write_pictures

METHODS = ("knn", "linear_probe")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(cache: Path, tmp_path: Path) -> str:
    """Eight classes of eight images, six of them for training."""
    root = tmp_path / "pictures"
    write_pictures(root, classes=8)
    for image in sorted(root.rglob("*.png")):
        place = root / ("train" if int(image.stem) < 6 else "test") / image.parent.name
        place.mkdir(parents=True, exist_ok=True)
        image.rename(place / image.name)
    dataset = f"folder:{root}[size=16,val=0,test=1]"
    # What is said of the folder is said here, whichever test comes first.
    succeeded("data", "prepare", dataset)
    return dataset


def answers(out: Path) -> dict[str, tuple[bytes, str]]:
    """By method and protocol, the stored answers and the hash of the episodes."""
    return {
        f"{manifest.parts[-2].partition('-')[0]} {manifest.parts[-3]}": (
            (manifest.parent / "episodes.csv").read_bytes()
            + gzip.decompress((manifest.parent / "answers.csv.gz").read_bytes()),
            json.loads(manifest.read_text())["episodes"]["sha256"],
        )
        for manifest in out.rglob("manifest.json")
    }


def run(dataset: str, backbone: str, out: Path) -> dict[str, tuple[bytes, str]]:
    methods = ",".join(f"{name}[backbone={backbone}]" for name in METHODS)
    of = ("run", "--dataset", dataset, "--methods", methods, "--out", out, "--no-audit")
    succeeded(*of, "--way", 5, "--query", 3, "--episodes", 20)
    succeeded(*of, "--sampler", "kshot", "--shot", "1,2", "--episodes", 2)
    return answers(out)


def test_runs_on_features_answer_as_runs_on_images(pictures, tmp_path) -> None:
    of = ("--dataset", pictures, "--backbone", "pixels")
    before = run(pictures, "pixels", tmp_path / "before")
    assert len(before) == 6
    made = succeeded("features", "make", *of, "--threads", 1).stdout
    assert "test: 64 features of 256 numbers, made, in " in made
    assert "there already" in succeeded("features", "make", *of, "--threads", 1).stdout
    listed = succeeded("features", "list").stdout
    assert listed.splitlines()[1].split()[-7:-1] == ["pixels", "64", "256", "1", "65.5", "kB"]
    assert run(pictures, "pixels", tmp_path / "after") == before
    for ending in ("npz", "safetensors", "parquet"):
        if ending == "parquet":
            pytest.importorskip("pyarrow")
        file = tmp_path / f"exported.{ending}"
        told = succeeded("features", "export", *of, "--threads", 1, "--to", file).stdout
        assert "64 features of 256 numbers, float32, of 8 classes" in told
        assert run(f"features:{file}", "features", tmp_path / ending) == before


def test_another_cache_gives_the_same_episodes_and_answers(pictures, tmp_path, monkeypatch) -> None:
    file = tmp_path / "f.npz"
    succeeded("features", "export", "--dataset", pictures, "--backbone", "pixels", "--to", file)
    here = run(f"features:{file}", "features", tmp_path / "here")
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("BENCHBENCH_SALT", "of another machine")
    moved = file.rename(tmp_path / "moved.npz")
    assert run(f"features:{moved}", "features", tmp_path / "there") == here


def test_stored_runs_on_features_are_verified(pictures, tmp_path) -> None:
    file = tmp_path / "f.npz"
    succeeded("features", "export", "--dataset", pictures, "--backbone", "pixels", "--to", file)
    run(f"features:{file}", "features", tmp_path / "out")
    assert "6 verified" in succeeded("verify", tmp_path / "out", "--evaluate").stdout
    manifests = [json.loads(m.read_text()) for m in (tmp_path / "out").rglob("manifest.json")]
    assert all(m["identity"]["drawn_as"] != m["identity"]["fingerprint"] for m in manifests)


def test_an_edited_file_draws_by_its_own_fingerprint(pictures, tmp_path) -> None:
    """A fingerprint of other images would claim episodes that these are not."""
    file = tmp_path / "f.npz"
    succeeded("features", "export", "--dataset", pictures, "--backbone", "pixels", "--to", file)
    content = dict(np.load(file))
    content["labels"][[0, -1]] = content["labels"][[-1, 0]]
    np.savez(file, **content)
    run(f"features:{file}", "features", tmp_path / "out")
    manifests = [json.loads(m.read_text()) for m in (tmp_path / "out").rglob("manifest.json")]
    assert not any("drawn_as" in m["identity"] for m in manifests)


@pytest.fixture
def made_by_hand(cache: Path, tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    centres, labels = rng.normal(size=(6, 9)), np.repeat(np.arange(6), 10)
    features = (3 * centres[labels] + rng.normal(size=(60, 9))).astype(np.float32)
    np.savez(tmp_path / "made.npz", features=features, labels=labels)
    return f"features:{tmp_path / 'made.npz'}"


def test_what_reads_images_is_skipped_with_the_cure(made_by_hand, tmp_path) -> None:
    methods = "knn,maml,knn[backbone=pixels],protonet[backbone=features],clip_zero_shot"
    task = ("--methods", methods, "--way", 5, "--query", 5, "--episodes", 10, "--no-audit")
    done = succeeded("run", "--dataset", made_by_hand, *task, "--out", tmp_path / "out")
    cure = "reads images; use backbone=features with this data set"
    assert done.stdout.count(f"skipped: its backbone conv4 {cure}") == 2
    assert done.stdout.count(f"skipped: its backbone pixels {cure}") == 1
    assert "skipped: its backbone conv4 reads images, and it takes no other;" in done.stdout
    (manifest,) = (tmp_path / "out").rglob("manifest.json")
    stored = json.loads(manifest.read_text())
    assert stored["method"]["pretrained_on"] == ["unknown"]


def test_features_are_no_backbone_of_images(pictures, tmp_path) -> None:
    task = ("--way", 5, "--query", 3, "--episodes", 5, "--out", tmp_path / "out")
    done = invoke("run", "--dataset", pictures, "--methods", "knn[backbone=features]", *task)
    assert done.exit_code == 2
    assert "its backbone reads features and this data set has images" in done.stderr


def test_there_is_nothing_to_look_at(made_by_hand) -> None:
    assert "9 numbers each" in succeeded("data", "prepare", made_by_hand).stdout
    assert "has features and no images to look at" in refused("data", "show", made_by_hand)
    assert "no duplicates are looked for" in succeeded("data", "verify", made_by_hand).stdout


def test_features_are_deleted_by_key(pictures, cache) -> None:
    succeeded("features", "make", "--dataset", pictures, "--backbone", "pixels")
    key = succeeded("features", "list").stdout.splitlines()[1].split()[-1]
    assert "no features have this key" in refused("features", "delete", "none")
    assert "Name the keys" in refused("features", "delete")
    assert "deleted 1 of 1, 65.5 kB" in succeeded("features", "delete", key).stdout
    assert succeeded("features", "list").stdout.endswith(f"0 in {cache / 'features'}\n")
    assert "deleted 0 of 0" in succeeded("features", "delete", "--all").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("make", "--dataset", "{pictures}", "--backbone", "conv4"), "random weights"),
        (("make", "--dataset", "{pictures}", "--backbone", "conf4"), "did you mean"),
        (("make", "--dataset", "{pictures}", "--backbone", "pixels", "--split", "val"), "'val'"),
        (("export", "--dataset", "{pictures}", "--backbone", "pixels", "--to", "f.csv"), ".npz"),
        (("make", "--dataset", "features:none.npz", "--backbone", "pixels"), "There is no file"),
    ],
)
def test_mistakes_are_one_sentence(pictures, arguments, said) -> None:
    filled = [argument.format(pictures=pictures) for argument in arguments]
    assert said in refused("features", *filled)


def test_help_imports_nothing_that_takes_time() -> None:
    assert "make" in invoke("features", "--help").output
    assert "benchbench.cli.features" in sys.modules


@pytest.mark.slow
def test_a_confined_process_reads_features_from_disk(pictures, tmp_path) -> None:
    of = ("--dataset", pictures, "--backbone", "pixels", "--threads", 1)
    succeeded("features", "make", *of)
    task = ("--methods", "knn[backbone=pixels]", "--way", 5, "--query", 3, "--episodes", 20)
    out = ("--threads", 1, "--out", tmp_path / "out")
    done = process("run", "--dataset", pictures, *task, *out, cold=True)
    assert done.returncode == 0, done.stderr
    assert "64 features of folder:" in done.stderr
    assert "read from disk" in done.stderr
