"""What made a number: which changes make another run, and which do not."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support.toy_method import Toy

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.method import Task
from benchbench.registry import entry_points
from benchbench.runs import manifest
from benchbench.runs.method_card import MethodCard, source_sha256
from benchbench.runs.names import run_hash
from benchbench.runs.reading import FORMAT
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.compute import Compute


class Renamed(Toy):
    """Equal in all but its name."""

    name = "renamed"


def identity_of(dataset: OpenDataset, train: OpenDataset | None = None, **changes):
    """The identity of a run, with some of what it is made of changed."""
    problem = Problem.of(dataset)
    if train is not None:
        problem = Problem(dataset, train, "several[test_source=toy]", "several", "toy")
    sampler = changes.pop("sampler", FixedSampler())
    pool = ClassPool(dataset, changes.pop("split", "test"))
    count, episode_seed = changes.pop("count", 3), changes.pop("episode_seed", 0)
    chosen = {
        "method": Toy(),
        "seed": 0,
        "budget": "quick",
        "compute": Compute(),
        "metrics": [],
        **changes,
    }
    method = chosen.pop("method")
    episodes = sampler.sample(pool, count, episode_seed)
    return manifest.identity(MethodCard.of(method), problem, episodes, **chosen)


@pytest.mark.parametrize(
    "change",
    [
        {"method": Toy(rate=0.25)},
        {"method": Renamed()},
        {"sampler": FixedSampler(query=10)},
        {"split": "val"},
        {"episode_seed": 1},
        {"seed": 1},
        {"budget": "paper"},
        {"budget": "100"},
        {"compute": Compute(bf16=True)},
        {"compute": Compute(channels_last=True)},
        {"compute": Compute(device="cuda")},
        {"metrics": ["entropy"]},
    ],
    ids=str,
)
def test_these_make_another_run(dataset: OpenDataset, change: dict[str, object]) -> None:
    assert run_hash(identity_of(dataset, **change)) != run_hash(identity_of(dataset))


def test_names_of_classes_count_for_a_method_that_reads_them(dataset: OpenDataset) -> None:
    class NameReader(Toy):
        uses_class_names = True

    renamed = dataclasses.replace(dataset, class_names=dataset.class_names[::-1])
    for method, equal in ((Toy(), True), (NameReader(), False)):
        hashes = {run_hash(identity_of(each, method=method)) for each in (dataset, renamed)}
        assert (len(hashes) == 1) == equal


def test_of_a_training_elsewhere_its_own_names_count_for_the_weights(dataset: OpenDataset) -> None:
    class NameReader(Toy):
        uses_class_names = True

    def hashes(test: OpenDataset, training: OpenDataset) -> tuple[str, str]:
        identity = identity_of(test, training, method=NameReader())
        task = Task("several", "toy", (16, 16, 1), 5, 1, 15, has_class_names=True)
        return run_hash(identity), run_hash(manifest.training_identity(identity, task))

    renamed = dataclasses.replace(dataset, class_names=dataset.class_names[::-1])
    run, training = hashes(dataset, dataset)
    assert hashes(renamed, dataset)[0] != run
    assert hashes(renamed, dataset)[1] == training
    assert hashes(dataset, renamed)[0] != run
    assert hashes(dataset, renamed)[1] != training


def test_the_pixels_and_the_split_make_another_run(dataset: OpenDataset) -> None:
    repainted = dataclasses.replace(dataset, fingerprint="ef" * 32)
    fewer = {**dataset.splits, "train": dataset.splits["train"][:-1]}
    resplit = dataclasses.replace(dataset, splits=fewer)
    hashes = {run_hash(identity_of(each)) for each in (dataset, repainted, resplit)}
    assert len(hashes) == 3


@pytest.mark.parametrize("change", [{"count": 5}, {"method": Toy(rate=1 / 2)}], ids=str)
def test_these_do_not(dataset: OpenDataset, change: dict[str, object]) -> None:
    assert run_hash(identity_of(dataset, **change)) == run_hash(identity_of(dataset))


def test_an_identity_survives_json(dataset: OpenDataset) -> None:
    identity = identity_of(dataset)
    assert json.loads(json.dumps(identity)) == identity


def test_of_another_package_all_code_counts_and_of_benchbench_the_class_alone(
    dataset: OpenDataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    alone = source_sha256(Toy)
    assert identity_of(dataset)["method_source"] == alone, "it is not installed"
    found = []
    for package in ("strangers", "strangers", "benchbench"):
        provenance = entry_points.Provenance("toy", "fake_toy", package, "1.0")
        monkeypatch.setattr(entry_points, "available", lambda kind, one=provenance: {"toy": one})
        (tmp_path / "fake_toy.py").write_text(f"power = {len(found)}")
        found.append(identity_of(dataset)["method_source"])
    assert found[2] == alone
    assert len(set(found)) == 3


def test_another_core_makes_another_run_and_another_training(
    dataset: OpenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task("toy-0", "toy", (16, 16, 1), 5, 1, 15)
    identities = [identity_of(dataset)]
    monkeypatch.setattr(manifest, "CORE", manifest.CORE + 1)
    identities.append(identity_of(dataset))
    assert len(set(map(run_hash, identities))) == 2
    trainings = [manifest.training_identity(identity, task) for identity in identities]
    assert run_hash(trainings[0]) != run_hash(trainings[1])


def test_a_manifest_says_what_made_the_number(dataset: OpenDataset) -> None:
    identity, compute = identity_of(dataset), Compute(threads=2)
    described = manifest.describe_run(identity, MethodCard.of(Toy()), Problem.of(dataset), compute)
    found = json.loads(json.dumps(described))
    assert found["format"] == FORMAT
    assert found["identity"] == identity
    assert found["dataset"]["classes"] == {"train": 12, "val": 6, "test": 8}
    assert found["dataset"]["images"] == 26 * 20
    assert found["dataset"]["image_shape"] == [16, 16, 1]
    assert found["compute"]["threads"] == 2
    assert found["software"]["numpy"] == np.__version__
    assert found["software"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["machine"]["cpu_count"] >= 1
    assert found["reproduces"]["tolerance"] == manifest.TOLERANCE


@pytest.mark.parametrize(
    ("budget", "tolerance"), [("quick", 0.01), ("paper", 0.01), ("smoke", 0.02), ("9", 0.02)]
)
def test_a_training_of_a_few_steps_has_a_wider_tolerance(budget: str, tolerance: float) -> None:
    assert manifest.tolerance_of(budget) == tolerance
