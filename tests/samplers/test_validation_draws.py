"""Validation images for draws of all classes: how many, of which part, nested and repeatable."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from samplers.test_kshot import drawn, parted

from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, validation_draws


def with_validation(validation: int, classes: int = 5) -> SimpleNamespace:
    """A data set of classes with 20 training images, 3 test images and so many for validation."""
    toy = parted([20] * classes, [3 + validation] * classes)
    for number in range(classes):
        images = np.flatnonzero((toy.labels == number) & (toy.parts == "test"))
        toy.parts[images[:validation]] = "val"
    return toy


def chosen(toy: SimpleNamespace, shot: int | str, count: int = 3, start: int = 0):
    episodes = drawn(toy, shot, count, start)
    draws = validation_draws(ClassPool(toy, "test"), episodes, start=start)
    return list(zip(episodes, draws, strict=True))


@pytest.mark.parametrize(("shot", "count"), [(1, 1), (2, 2), (4, 4), (16, 4), ("all", 4)])
def test_each_class_has_as_many_as_shots_and_at_most_four(shot: int | str, count: int) -> None:
    toy = with_validation(6)
    for episode, draw in chosen(toy, shot):
        assert (toy.parts[draw.images] == "val").all()
        assert (toy.labels[draw.images] == episode.classes[draw.labels]).all()
        assert np.bincount(draw.labels).tolist() == [count] * 5
        assert len(set(draw.images)) == len(draw.images)


def test_those_of_fewer_shots_are_part_of_those_of_more() -> None:
    toy = with_validation(6)
    for (_, fewer), (_, more) in zip(chosen(toy, 1), chosen(toy, 3), strict=True):
        assert set(fewer.images) < set(more.images)


def test_draws_differ_and_do_not_depend_on_how_many_there_are() -> None:
    toy = with_validation(6)
    many = [draw.images.tolist() for _, draw in chosen(toy, 2, count=6)]
    assert [draw.images.tolist() for _, draw in chosen(toy, 2, count=2, start=4)] == many[4:]
    assert len({tuple(sorted(images)) for images in many}) > 1


@pytest.mark.parametrize(
    ("toy", "sentence"),
    [
        (parted([4, 4], [1, 1]), "toy does not say which images are for validation"),
        (with_validation(1), "'class 0' in split 'test' of toy has 1 val images and 2 are needed."),
    ],
)
def test_what_cannot_be_drawn_is_said(toy: SimpleNamespace, sentence: str) -> None:
    with pytest.raises(BenchbenchError, match=re.escape(sentence)):
        chosen(toy, 2)
