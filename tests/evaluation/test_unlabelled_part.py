"""Official training images without labels: who is given them, and what they do not tell."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from benchbench_plugins.knn import KNN

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.evaluation.given import learned_part
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.task import task_of
from benchbench.evaluation.unlabelled_part import (
    given_to_learn,
    has_training_part,
    unlabelled_part,
)
from benchbench.method import Method, Task
from benchbench.samplers import ClassPool, create_sampler
from benchbench.training.source import TrainingSource

NONCE = Nonce(b"secret")
BLIND = KNN(pretrain="simclr")


@pytest.fixture(scope="module")
def parted(dataset: OpenDataset) -> OpenDataset:
    """All classes in the test split; of each the first four images are for the test."""
    parts = np.full(len(dataset.labels), "train")
    for number in range(len(dataset.class_names)):
        parts[np.flatnonzero(dataset.labels == number)[:4]] = "test"
    names = [f"secret-{number}" for number in range(len(dataset.class_names))]
    everything = np.arange(len(names))
    return replace(dataset, splits={"test": everything}, parts=parts, class_names=names)


def task_in(data: OpenDataset, sampler: str = "kshot[shot=2]") -> Task:
    return task_of(Problem.of(data), create_sampler(sampler).sample(ClassPool(data, "test"), 2))


def test_they_are_all_official_training_images_and_nothing_else(parted: OpenDataset) -> None:
    found = unlabelled_part(parted, NONCE)
    pixels = {image.tobytes() for image in parted.images(np.flatnonzero(parted.parts == "train"))}
    rows = found.view("train").rows
    assert {image.tobytes() for image in found.images(rows)} == pixels
    assert len(rows) == len(found.labels) == (parted.parts == "train").sum()
    assert found.image_shape == parted.image_shape


def test_they_tell_no_class(parted: OpenDataset) -> None:
    found = unlabelled_part(parted, NONCE)
    assert set(found.labels.tolist()) == {0}
    assert b"secret-" not in pickle.dumps(found)
    assert found.fingerprint != parted.fingerprint
    # The classes follow each other in the data set, and here as chance has it.
    places = {
        image.tobytes(): label for image, label in zip(parted.pixels, parted.labels, strict=True)
    }
    order = np.array(
        [places[image.tobytes()] for image in found.images(np.arange(len(found.labels)))]
    )
    changes = (np.diff(order) != 0).mean()
    assert changes > 0.6 > (np.diff(parted.labels) != 0).mean()


def test_their_order_depends_on_the_images_alone(parted: OpenDataset) -> None:
    first, second = (unlabelled_part(parted, Nonce(key)) for key in (b"one", b"other"))
    everything = np.arange(len(first.labels))
    assert (first.images(everything) == second.images(everything)).all()
    assert (first.public_ids != second.public_ids).any()
    assert first.fingerprint == second.fingerprint


def test_a_training_without_labels_sees_them(parted: OpenDataset) -> None:
    found = given_to_learn(parted, NONCE, task_in(parted), "none")
    views = TrainingSource(found, BLIND, task_in(parted)).views(8, ["flip"])
    assert len(views[0][0]) == 8
    assert len(TrainingSource(found, BLIND, task_in(parted)).images) == len(found.labels)


@pytest.mark.parametrize("labels", ["all", "fraction", "validation only"])
def test_others_are_given_none(parted: OpenDataset, labels: str) -> None:
    assert len(given_to_learn(parted, NONCE, task_in(parted), labels).labels) == 0


def test_none_are_given_where_they_are_asked_about(parted: OpenDataset) -> None:
    """Episodes that know of no parts draw queries from all images."""
    task = task_in(parted, "fixed[way=3,shot=1,query=3]")
    assert not task.has_unlabelled_part
    assert len(given_to_learn(parted, NONCE, task, "none").labels) == 0
    assert "this task has none" in str(BLIND.skip(task))


def test_training_classes_go_before_them(parted: OpenDataset, dataset: OpenDataset) -> None:
    both = replace(parted, splits=dataset.splits)
    assert not has_training_part(both)
    task = task_in(both, "fixed[way=3,shot=1,query=3]")
    assert task.has_training_classes
    found = given_to_learn(both, NONCE, task, "none")
    assert found.class_names == learned_part(both, NONCE).class_names


@pytest.mark.parametrize(
    ("method", "applies"),
    [
        (BLIND, True),
        (KNN(), False),
        (KNN(pretrain="simclr[select=validation]"), False),
        (KNN(pretrain="uda"), False),
        (KNN(pretrain="clip"), False),
    ],
)
def test_who_takes_labels_is_skipped(parted: OpenDataset, method: Method, applies: bool) -> None:
    reason = method.skip(task_in(parted))
    assert (reason is None) == applies
    assert applies or "it learns from training classes and this task has none" in str(reason)
    assert applies or str(reason).endswith("an objective of pre-training that takes no labels")
