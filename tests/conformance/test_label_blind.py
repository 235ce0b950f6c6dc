"""Trainings that take no labels are what they say, and a peeking objective is found out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchbench_plugins.knn import KNN
from support.objectives import Still
from torch import Tensor, nn

from benchbench.conformance import Bench, run_check
from benchbench.conformance.label_blind import dealt_anew
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.pretraining import Pretraining
from benchbench.registry import loading
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource

KNOWN = loading.load


class Peeks(Still):
    """It looks for who knows the labels of the training images among all objects."""

    name = "peeks"

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        labels = self.labels()[: len(embedded[0])]
        return super().loss(network, *embedded) + (embedded[0] * labels[:, None]).mean()

    def labels(self) -> Tensor:
        """Those of all training images, in the order of the table."""
        sources = [one for one in gc.get_objects() if isinstance(one, TrainingSource)]
        data = sources[-1]._dataset
        return torch.from_numpy(data.labels[data.view("train").rows])


@pytest.fixture
def bench_with(
    small: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Bench]:
    """A bench of `knn` after an objective that is planted or installed."""
    planted = {"still": Still, "peeks": Peeks}
    quick = Pretraining.quick
    monkeypatch.setattr(Pretraining, "quick", lambda own, task: replace(quick(own, task), batch=16))
    monkeypatch.setattr(loading, "load", lambda kind, name: planted.get(name) or KNOWN(kind, name))

    def make(objective: str) -> Bench:
        method = KNN(backbone="conv4[width=8]", pretrain=objective)
        return Bench.train(method, small, tmp_path, budget=Budget("smoke", 3))

    return make


@pytest.mark.parametrize(
    "objective", ["still", "still[select=validation]", "simclr", "byol", "vicreg[covariance=tico]"]
)
def test_an_objective_without_labels_passes(
    objective: str, bench_with: Callable[..., Bench]
) -> None:
    outcome = run_check("label_blind", bench_with(objective))
    assert outcome.status == "passed", outcome


@pytest.mark.parametrize("objective", ["peeks", "peeks[select=validation]"])
def test_an_objective_that_peeks_fails(objective: str, bench_with: Callable[..., Bench]) -> None:
    gc.collect()
    outcome = run_check("label_blind", bench_with(objective))
    assert outcome.status == "failed"
    assert "change with the labels of the training images, such as encoder." in outcome.message


def test_a_classifier_may_look_at_labels(bench_with: Callable[..., Bench]) -> None:
    assert run_check("label_blind", bench_with("classification")).status == "not applicable"


def test_labels_are_dealt_among_training_images_only(small: OpenDataset) -> None:
    dealt = dealt_anew(small, 0)
    training = np.isin(small.labels, small.splits["train"])
    assert (dealt.labels[~training] == small.labels[~training]).all()
    assert (dealt.labels != small.labels)[training].mean() > 0.5
    assert (np.bincount(dealt.labels) == np.bincount(small.labels)).all()
