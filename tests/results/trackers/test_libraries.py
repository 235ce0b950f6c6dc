"""TensorBoard and MLflow themselves read back what a whole run has logged."""

import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from support.installations import pretended
from support.jobs import run_job

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.settings import Settings
from benchbench.method import Classifier, Method, Support
from benchbench.results.trackers.tracking import name_of, results
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.budget import Budget
from benchbench.training.fit import fit
from benchbench.training.source import TrainingSource

SMOKE = Settings(budget=Budget("smoke"))


@dataclass
class Trained(Method):
    """Two steps of a small network, and its nearest class means."""

    name = "trained"
    width: int = 4

    def train(self, source: TrainingSource) -> None:
        self.encoder = create_backbone(f"conv4[width={self.width}]", source.image_shape, 0)
        data = source.episodes(way=2, shot=1, query=1)
        fit(source, self.encoder, lambda step: self.encoder(step.images).sum(), data, steps=2)

    def adapt(self, support: Support) -> Classifier:
        features = self.encoder(support.images)
        means = torch.stack([features[support.labels == k].mean(0) for k in range(support.n_way)])
        return lambda images: -torch.cdist(self.encoder(images), means)


def require(library: str) -> ModuleType:
    """The library; without it the test is skipped, unless it must run."""
    if os.environ.get("BENCHBENCH_REQUIRE_TRACKERS"):
        return importlib.import_module(library)
    return pytest.importorskip(library, reason=f"the extra {library} is not installed")


Follow = Callable[[str, int], RunDirectory]


@pytest.fixture
def follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_dataset: Callable[..., OpenDataset]
) -> Iterator[Follow]:
    """Runs `Trained` on so many episodes while the named tracker logs to the folder `logs`."""
    dataset, store = make_dataset(), Store(tmp_path / "results")
    with pretended(tmp_path, monkeypatch) as installation:

        def run(name: str, count: int) -> RunDirectory:
            monkeypatch.setenv(f"BENCHBENCH_{name.upper()}", str(tmp_path / "logs"))
            module = f"benchbench.results.trackers.{name}"
            installation.add("benchbench.plugins", name, None, "benchbench", module)
            episodes = FixedSampler().sample(ClassPool(dataset, "test"), count)
            outcome = run_job(Trained(), dataset, episodes, store, SMOKE)
            assert outcome.status == "finished", outcome.reason
            assert outcome.run is not None
            return outcome.run

        yield run


def running_accuracy(run: RunDirectory) -> list[float]:
    found = np.array([float(row["accuracy"]) for row in run.records()])
    return list(found.cumsum() / np.arange(1, len(found) + 1))


def test_tensorboard_shows_curves_and_final_figures(follow: Follow, tmp_path: Path) -> None:
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    follow("tensorboard", 4)
    run = follow("tensorboard", 6)  # continues it
    events = EventAccumulator(str(tmp_path / "logs" / name_of(run))).Reload()
    curve = events.Scalars("episodes/running_accuracy")
    assert [point.step for point in curve] == list(range(6))
    assert [point.value for point in curve] == pytest.approx(running_accuracy(run))
    assert [point.step for point in events.Scalars("training/validation")] == [1, 2]
    figures = results(run)
    last = [events.Scalars(f"result/{name}")[-1].value for name in figures]
    assert last == pytest.approx(list(figures.values()))
    assert "ci_episodes" in figures
    (text,) = events.Tensors("parameters/text_summary")[0].tensor_proto.string_val
    assert b"| method | trained |" in text


def test_mlflow_shows_curves_and_final_figures(follow: Follow, tmp_path: Path) -> None:
    mlflow = require("mlflow")
    follow("mlflow", 4)
    run = follow("mlflow", 6)  # continues it
    client = mlflow.MlflowClient((tmp_path / "logs").as_uri())
    experiment = client.get_experiment_by_name("toy-0")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["method"] == "trained"
    assert found.data.params["method.width"] == "4"
    curve = client.get_metric_history(found.info.run_id, "episodes/running_accuracy")
    assert [point.step for point in curve] == list(range(6))
    assert [point.value for point in curve] == pytest.approx(running_accuracy(run))
    losses = client.get_metric_history(found.info.run_id, "training/loss")
    assert [point.step for point in losses] == [1, 2]
    figures = results(run)
    assert {name: found.data.metrics[f"result/{name}"] for name in figures} == figures
