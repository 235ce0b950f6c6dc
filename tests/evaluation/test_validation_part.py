"""Which validation images belong to an episode, and who is given them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.errors import MethodError
from benchbench.evaluation.participant import evaluate
from benchbench.evaluation.task import task_of
from benchbench.evaluation.validation_part import ValidationPart
from benchbench.method import Classifier, Method, Support
from benchbench.samplers import ClassPool, FixedSampler, create_sampler

OFFICIAL = {"train": 6, "val": 5, "test": 2}
"""How many images of each class are which."""


@pytest.fixture(scope="module")
def parted(dataset: OpenDataset) -> OpenDataset:
    """All classes in the test split, and their images in three parts, mixed."""
    parts = np.full(len(dataset.labels), "", dtype="<U5")
    words = np.repeat([*OFFICIAL], [*OFFICIAL.values()])
    for number in range(len(dataset.class_names)):
        images = np.flatnonzero(dataset.labels == number)
        assert len(images) >= len(words)
        parts[np.random.default_rng(number).permutation(images)[: len(words)]] = words
    parts[parts == ""] = "train"
    classes = np.arange(len(dataset.class_names))
    return replace(dataset, splits={"test": classes}, parts=parts)


def kshot(data: OpenDataset, shot: int | str, count: int = 3):
    return create_sampler(f"kshot[shot={shot}]").sample(ClassPool(data, "test"), count, 4)


@pytest.mark.parametrize(("shot", "images"), [(1, 1), (3, 3), (5, 4), ("all", 5)])
def test_they_are_as_many_as_the_shots_but_four_at_most_or_all(
    parted: OpenDataset, shot: int | str, images: int
) -> None:
    episodes = kshot(parted, shot)
    part = ValidationPart(parted, episodes)
    for number, episode in enumerate(episodes):
        ids, slots = part.drawn(number)
        assert (parted.parts[ids] == "val").all()
        assert (parted.labels[ids] == episode.classes[slots]).all()
        assert (np.bincount(slots) == images).all()
        assert len(set(ids.tolist())) == len(ids)


def test_the_draws_of_one_shot_are_part_of_those_of_two_and_differ(parted: OpenDataset) -> None:
    one, two = (ValidationPart(parted, kshot(parted, shot)) for shot in (1, 2))
    fewer, more = ([set(part.drawn(n)[0].tolist()) for n in range(3)] for part in (one, two))
    assert all(a < b for a, b in zip(fewer, more, strict=True))
    assert len({frozenset(ids) for ids in fewer}) == 3


def test_only_a_task_whose_episodes_leave_the_part_alone_has_one(parted: OpenDataset) -> None:
    def has(data: OpenDataset, episodes) -> bool:
        return task_of(Problem.of(data), episodes).has_validation_part

    assert has(parted, kshot(parted, 2))
    mixed = FixedSampler(shot=4, query=4).sample(ClassPool(parted, "test"), 20)
    assert not has(parted, mixed)
    assert not has(replace(parted, parts=None), mixed)
    assert parted.parts is not None
    without = parted.parts.copy()
    without[(parted.labels == 0) & (without == "val")] = "train"
    lacking = replace(parted, parts=without)
    assert not has(lacking, kshot(lacking, 2))


@dataclass
class Looking(Method):
    """Keeps what it is given of the validation part."""

    name = "looking"

    def adapt(self, support: Support) -> Classifier:
        images, labels = support.validation
        self.seen = (images.array, labels.numpy())
        return lambda queries: np.zeros((len(queries), support.n_way))


def test_a_method_is_given_them_only_if_it_declares_to_use_them(parted: OpenDataset) -> None:
    episodes = kshot(parted, 2, count=1)
    with pytest.raises(MethodError, match="uses_validation = True"):
        next(evaluate(Looking(), parted, episodes))
    method = Looking()
    method.uses_validation = True
    next(evaluate(method, parted, episodes))
    ids, slots = ValidationPart(parted, episodes).drawn(0)
    pixels, labels = method.seen
    assert (pixels == parted.images(ids)).all()
    assert (labels == slots).all()


def test_a_task_without_the_part_is_skipped(parted: OpenDataset) -> None:
    method = Looking()
    method.uses_validation = True
    task = task_of(Problem.of(parted), kshot(parted, 2))
    assert method.skip(task) is None
    reason = method.skip(replace(task, has_validation_part=False))
    assert reason == "it chooses on an official validation part and this task has none"
