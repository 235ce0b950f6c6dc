"""Runs that are published verify elsewhere, and nothing goes with them that must stay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.jobs import run_job

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.settings import Settings
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support
from benchbench.results import publishing
from benchbench.results.publishing import publish
from benchbench.runs.directory import RunDirectory
from benchbench.runs.manifest import CORE
from benchbench.runs.names import run_hash
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.files import file_hash
from benchbench.training.budget import FitRecord
from benchbench.training.source import TrainingSource
from benchbench.verification.records import verify_records
from benchbench.verification.redrawing import Redrawings

SAMPLER = FixedSampler(way=3, query=4)


class Stored(Method):
    """Answers by the mean of pixels; keeps weights of its own and shared ones."""

    name = "stored"

    def train(self, source: TrainingSource) -> None:
        assert source.folder is not None
        assert source.shared is not None
        folders = source.folder, source.shared / "conv4-1234"
        for folder, stage in zip(folders, ("training", "classification"), strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            weights = folder / f"{stage}.safetensors"
            save_file({"weight": torch.zeros(1000)}, weights)
            weights.with_suffix(".json").write_text("{}")
            (folder / f"{stage}.checkpoint").write_text("half done")
            name, digest = f"{folder.name}/{weights.name}", file_hash(weights)
            source.records.append(FitRecord(stage, 5, 5, 0.5, 1.0, name, digest))

    def adapt(self, support: Support) -> Classifier:
        means = support.images.array.mean((1, 2, 3))

        def classify(images: Images) -> Any:
            asked = images.array.mean((1, 2, 3))
            return -abs(asked[:, None] - means[support.labels.numpy().argsort()])

        return classify


@pytest.fixture(scope="module")
def made(
    make_dataset: Callable[..., OpenDataset], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    root, dataset = tmp_path_factory.mktemp("made"), make_dataset()
    episodes = SAMPLER.sample(ClassPool(dataset, "test"), 25)
    done = run_job(Stored(), dataset, episodes, Store(root), Settings(sampler=SAMPLER))
    assert done.status == "finished", done.reason
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A results folder with everything that is not to be published."""
    folder = Path(shutil.copytree(made, tmp_path / "results"))
    (folder / ".salt").write_bytes(b"secret")
    (run,) = Store(folder).runs()
    (run.path / ".lock").touch()
    (run.path / "error.txt").write_text("Traceback of /home/somebody")
    return folder


def published(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


def test_what_is_published_and_nothing_else(root: Path, tmp_path: Path) -> None:
    (run,) = Store(root).runs()
    place = run.path.relative_to(root)
    done = publish([run], tmp_path / "runs")
    assert (done.runs, done.replaced, done.heavy, done.refused) == (1, 0, 0, [])
    (table,) = (root / "class_tables").iterdir()
    assert published(tmp_path / "runs") == {
        *(f"{place}/{name}" for name in publishing.FILES),
        f"{place}/training/training.json",
        f"{place}/training/training.safetensors",
        "pretrained/conv4-1234/classification.json",
        "pretrained/conv4-1234/classification.safetensors",
        f"class_tables/{table.name}",
    }
    (copy,) = Store(tmp_path / "runs").runs()
    found = verify_records(copy, Redrawings().of(copy.path))
    assert found.verdict == "verified"
    assert "weights of 2" in found.checked


def test_large_weights_stay(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LARGEST_WEIGHTS", 4000)
    done = publish(Store(root).runs(), tmp_path / "runs")
    assert done.heavy == 1
    assert "1 without their weights" in str(done)
    assert not [name for name in published(tmp_path / "runs") if name.endswith(".safetensors")]
    (copy,) = Store(tmp_path / "runs").runs()
    assert verify_records(copy, Redrawings().of(copy.path)).verdict == "verified"


def as_made_by(run: RunDirectory, **changed: Any) -> None:
    """Give a run another identity and the folder that belongs to it."""
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest["identity"].update(changed)
    manifest["compute"]["bf16"] = manifest["identity"]["bf16"]
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    run.path.rename(run.path.with_name(f"stored-{run_hash(manifest['identity'])}"))


def test_older_code_makes_room_and_other_runs_do_not(root: Path, tmp_path: Path) -> None:
    olds = {"core": 1, "method_source": "ab", "bf16": True}, {"seed": 7}
    for number, changed in enumerate((*olds, {"seed": 7, "bf16": True})):
        other = Path(shutil.copytree(root, tmp_path / f"other {number}"))
        as_made_by(Store(other).runs()[0], **changed)
        assert publish(Store(other).runs(), tmp_path / "runs").replaced == 0
    done = publish(Store(root).runs(), tmp_path / "runs")
    assert done.replaced == 1
    assert "1 in place of runs of other code" in str(done)
    identities = [run.manifest["identity"] for run in Store(tmp_path / "runs").runs()]
    left = sorted((one["seed"], one["core"], one["bf16"]) for one in identities)
    assert left == [(0, CORE, False), (7, CORE, False), (7, CORE, True)]


def test_the_newer_code_stays_whatever_the_clock_said(root: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(root, tmp_path / "other"))
    (old,) = Store(other).runs()
    old.update(finished="2199-01-01T00:00:00+00:00")
    as_made_by(RunDirectory(old.path), core=1)
    both = [*Store(root).runs(), *Store(other).runs()]
    assert publish(both, tmp_path / "runs").replaced == 1
    (left,) = Store(tmp_path / "runs").runs()
    assert left.manifest["identity"]["core"] == CORE


def test_a_run_of_before_a_parameter_makes_room_for_one_at_its_default(
    root: Path, tmp_path: Path
) -> None:
    """Whatever else of the code is the same; one of another value stays."""
    for number, (spec, parameters) in enumerate(
        (("stored", {}), ("stored[bn=support]", {"bn": "support"}), ("stored", {"bn": "running"}))
    ):
        other = Path(shutil.copytree(root, tmp_path / f"other {number}"))
        (run,) = Store(other).runs()
        run.update(method={**run.manifest["method"], "spec": spec, "parameters": parameters})
        as_made_by(RunDirectory(run.path), parameters=parameters, bf16=False)
        done = publish(Store(other).runs(), tmp_path / "runs")
        assert (done.runs, done.replaced) == (1, int(number == 2))
    assert str(done).endswith(
        "(1 in place of runs of other code, 1 of them of before these parameters had defaults: "
        "bn of stored)"
    )
    left = [run.manifest["identity"]["parameters"] for run in Store(tmp_path / "runs").runs()]
    assert sorted(left, key=str) == [{"bn": "running"}, {"bn": "support"}]


def test_what_differs_is_not_published(root: Path, tmp_path: Path, capsys: Any) -> None:
    (run,) = Store(root).runs()
    (run.path / "answers.csv.gz").unlink()
    done = publish([run], tmp_path / "runs")
    assert done.refused == [run.path]
    assert "the answers are missing" in capsys.readouterr().err
    assert published(tmp_path / "runs") == set()


def test_trainings_that_no_run_is_made_with_are_removed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "pretrained" / "conv4-old").mkdir(parents=True)
    publish(Store(root).runs(), tmp_path / "runs")
    folders = [folder.name for folder in (tmp_path / "runs" / "pretrained").iterdir()]
    assert folders == ["conv4-1234"]
    before = published(tmp_path / "runs")
    again = publish(Store(tmp_path / "runs").runs(), tmp_path / "runs")
    assert again.runs == 0
    assert published(tmp_path / "runs") == before
