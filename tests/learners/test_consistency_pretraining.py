"""Objectives with a fraction of the labels: which they get, and what they make of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchbench_plugins.knn import KNN
from support import learning
from support.interruption import Killed, killed_at
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.consistency_pretraining import (
    ConsistencyPretraining,
    Progress,
    signal_bound,
)
from benchbench.learners.creation import create_method
from benchbench.learners.objective_training import create_objective, fit_objective
from benchbench.learners.pretraining import Pretraining
from benchbench.runs.method_card import describe_method
from benchbench.training.source import TrainingSource
from benchbench.training.streams import NO_LABEL

SPEC = "conv4[width=8]"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Pretraining.quick
    monkeypatch.setattr(Pretraining, "quick", lambda own, task: replace(plain(own, task), batch=16))


def make_source(dataset: OpenDataset, **options: Any) -> TrainingSource:
    return learning.make_source(dataset, KNN(backbone=SPEC), steps=4, **options)


def given(source: TrainingSource, share: float) -> dict[int, int]:
    """The labels of an epoch by the ids of their images."""
    views = source.labelled_views(4, ["flip[share=0]"], share)
    found = {}
    for step in range(views.per_epoch):
        (images,), labels = views[step]
        found |= dict(zip(images.ids.tolist(), labels.tolist(), strict=True))
    return found


@pytest.mark.parametrize("share", [0.01, 0.4, 1.0])
def test_each_class_has_its_share_of_labels_and_they_are_right(
    dataset: OpenDataset, share: float
) -> None:
    source = make_source(dataset)
    found = {one: label for one, label in given(source, share).items() if label != NO_LABEL}
    plain = source.batches(4)
    true = {}
    for step in range(plain.per_epoch):
        batch = plain[step]
        true |= dict(zip(batch.images.ids.tolist(), batch.labels.tolist(), strict=True))
    assert all(true.get(one, label) == label for one, label in found.items())
    sizes = np.bincount(dataset.labels)[dataset.splits["train"]]
    expected = np.maximum(1, np.round(share * sizes)).sum()
    # An epoch leaves out the images of an incomplete last batch.
    assert expected - 3 <= len(found) <= expected


def test_which_have_a_label_depends_on_the_seed(dataset: OpenDataset) -> None:
    one, again, other = (given(make_source(dataset, seed=seed), 0.3) for seed in (0, 0, 1))
    assert one == again != other


@pytest.mark.parametrize("spec", ["uda[labelled=0.3]", "fixmatch[labelled=0.3,confidence=0]"])
def test_the_labels_that_are_given_have_a_part_in_it(dataset: OpenDataset, spec: str) -> None:
    def trained(data: OpenDataset) -> str:
        source = make_source(data)
        backbone = create_backbone(SPEC, source.image_shape, source.seed)
        fit_objective(source, backbone, create_objective(spec))
        return backbone.weights_sha256()

    rows = dataset.view("train").rows
    source = make_source(dataset)
    views = source.labelled_views(4, ["flip[share=0]"], 0.3)
    known = rows[views._labels != NO_LABEL]
    assert trained(replace_labels(dataset, known)) != trained(dataset)
    assert trained(dataset) == trained(dataset)


def replace_labels(dataset: OpenDataset, rows: np.ndarray) -> OpenDataset:
    """The data set with the labels of these images turned by one."""
    labels = dataset.labels.copy()
    labels[rows] = np.roll(labels[rows], len(rows) // 2)
    return replace(dataset, labels=labels)


class Plain(ConsistencyPretraining):
    """It compares nothing."""

    name = "plain"

    def disagreement(self, weak: Tensor, strong: Tensor) -> Tensor:
        assert not weak.requires_grad
        return strong.sum() * 0


def test_the_loss_of_labels_is_of_weak_views_with_one() -> None:
    weak, strong = torch.tensor([[2.0, 0.0], [0.0, 0.0], [1.0, 3.0]]), torch.zeros(3, 2)
    network, labels = nn.ModuleDict(), torch.tensor([0, -1, 1])
    found = Plain().labelled_loss(network, labels, weak, strong)
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-2))) / 2
    assert found.item() == pytest.approx(expected)
    nothing = Plain().labelled_loss(network, torch.tensor([-1, -1, -1]), weak, strong)
    assert nothing.item() == 0


@pytest.mark.parametrize(
    ("kind", "half", "end"),
    [("linear", 0.55, 1.0), ("exp", 0.173876, 1.0), ("log", 0.926124, 0.993936)],
)
def test_the_bound_of_training_signals(kind: Any, half: float, end: float) -> None:
    assert signal_bound(kind, 0.5, 10) == pytest.approx(half, abs=1e-6)
    assert signal_bound(kind, 1.0, 10) == pytest.approx(end, abs=1e-6)
    assert signal_bound(kind, 0.0, 10) == pytest.approx(0.1, abs=0.01)
    steps = [signal_bound(kind, step / 20, 4) for step in range(21)]
    assert steps == sorted(steps)


def test_labels_that_are_known_by_heart_do_not_count() -> None:
    """Of four labels the probabilities are 0.9, 0.6 and 0.3, and the last image has none."""
    p = torch.tensor([0.9, 0.6, 0.3, 0.99])
    weak = torch.stack([p.log(), (1 - p).log()], dim=1)
    labels, objective = torch.tensor([0, 0, 0, -1]), Plain(tsa="linear")
    network = nn.ModuleDict({"progress": Progress()})
    found = []
    for progress in (0.0, 0.4, 1.0):  # the bounds are 0.5, 0.7 and 1
        objective.after_step(network, progress)
        found.append(objective.labelled_loss(network, labels, weak, weak).item())
    kept = [-np.log([0.3]), -np.log([0.3, 0.6]), -np.log([0.3, 0.6, 0.9])]
    assert found == pytest.approx([each.mean() for each in kept], abs=1e-6)
    sure = torch.tensor([0, 0, -1, -1])
    objective.after_step(network, 0.1)
    assert objective.labelled_loss(network, sure, weak, weak).item() == 0


def test_an_annealed_training_is_another_one_and_resumes_with_the_same_bits(
    dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(spec: str, shared: Path | None = None) -> str:
        source = make_source(dataset, shared=shared)
        backbone = create_backbone(SPEC, source.image_shape, source.seed)
        fit_objective(source, backbone, create_objective(spec))
        return backbone.weights_sha256()

    annealed = "uda[labelled=0.5,tsa=log]"
    whole = trained(annealed)
    with killed_at(monkeypatch, step=2), pytest.raises(Killed):
        trained(annealed, tmp_path)
    assert trained(annealed, tmp_path) == whole
    assert trained("uda[labelled=0.5]") != whole
    assert trained("uda[labelled=0.5,tsa=none]", tmp_path) == trained("uda[labelled=0.5]", tmp_path)
    assert len(list(tmp_path.rglob("uda.safetensors"))) == 2


def test_drawings_are_shifted_and_not_mirrored() -> None:
    assert "flip" not in " ".join(Plain().augmentations(1))
    weak, strong = Plain(augment="crop").augmentations(3)
    assert (weak, strong) == ("flip+pad_crop[pad=4]", "crop")


@pytest.mark.parametrize(
    ("spec", "labels"),
    [("knn[pretrain=uda]", "fraction"), ("knn[pretrain=fixmatch[labelled=1]]", "all")],
)
def test_a_method_declares_the_fraction(spec: str, labels: str) -> None:
    assert create_method(spec).training_labels == labels


@pytest.mark.parametrize(
    ("spec", "share"),
    [
        ("knn[pretrain=uda[labelled=0.25]]", 0.25),
        ("knn[pretrain=fixmatch[labelled=1]]", None),
        ("knn[pretrain=simclr]", None),
        ("knn", None),
    ],
)
def test_a_manifest_has_the_share_of_a_fraction_alone(spec: str, share: float | None) -> None:
    assert describe_method(create_method(spec)).get("labelled") == share


def test_half_of_the_labels_teach_the_classes(dataset: OpenDataset) -> None:
    """The supervised loss falls, and the head and disagreement are dropped with the rest."""
    source = make_source(dataset)
    source.budget = replace(source.budget, steps=25)
    losses: list[float] = []
    objective = create_objective("uda[labelled=0.5]")
    plain = objective.labelled_loss

    def noting(*of: Any) -> Tensor:
        found = plain(*of)
        losses.append(found.item())
        return found

    objective.labelled_loss = noting  # type: ignore[method-assign]
    backbone = create_backbone(SPEC, source.image_shape, source.seed)
    fit_objective(source, backbone, objective)
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:6])
    assert backbone.frozen
