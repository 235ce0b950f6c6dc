from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folders import open_folder
from support.opened import split_sizes
from support.own_size import write_own_size

from benchbench.datasets.joint import in_shape, joined, problems_of
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Collection
from benchbench.datasets.tables.stored import ColourPixels, StackedPixels
from benchbench.errors import BenchbenchError

MakeDataset = Callable[..., OpenDataset]

TABLES = [
    np.arange(count * 12, dtype=np.uint8).reshape(count, 2, 2, 3) + shift
    for count, shift in ((3, 0), (1, 100), (4, 7))
]
TOGETHER = np.concatenate(TABLES)


@given(st.lists(st.integers(-8, 7), max_size=20))
def test_stacked_tables_read_like_one_array(rows: list[int]) -> None:
    chosen = np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(StackedPixels(TABLES)[chosen], TOGETHER[chosen])


def test_stacked_tables_have_the_shape_and_the_bounds_of_an_array() -> None:
    stacked = StackedPixels(TABLES)
    assert (stacked.shape, len(stacked)) == (TOGETHER.shape, 8)
    np.testing.assert_array_equal(stacked[2:6], TOGETHER[2:6])
    np.testing.assert_array_equal(stacked[3], TOGETHER[3])
    np.testing.assert_array_equal(stacked[TOGETHER[:, 0, 0, 0] > 50], TOGETHER[[3, 4, 5, 6, 7]][:1])
    with pytest.raises(IndexError):
        stacked[np.array([8])]


def test_images_of_the_shape_are_left_alone(make_dataset: MakeDataset, tmp_path: Path) -> None:
    colour = make_dataset(shape=(16, 16, 3))
    assert in_shape(colour, 16, tmp_path) is colour


def test_grey_images_get_equal_channels_without_a_copy(make_dataset, tmp_path) -> None:
    grey = make_dataset(shape=(16, 16, 1))
    colour = in_shape(grey, 16, tmp_path)
    assert colour.image_shape == (16, 16, 3)
    assert isinstance(colour.pixels, ColourPixels)
    assert colour.fingerprint != grey.fingerprint
    np.testing.assert_array_equal(colour.images(np.array([5]))[..., 2], grey.pixels[[5], ..., 0])


def test_another_size_is_resampled_once_and_kept(make_dataset, tmp_path, monkeypatch) -> None:
    dataset = make_dataset(classes=(2, 2, 2), per_class=3, shape=(16, 16, 3), noise=0)
    smaller = in_shape(dataset, 8, tmp_path)
    assert smaller.image_shape == (8, 8, 3)
    np.testing.assert_array_equal(smaller.labels, dataset.labels)
    # A pattern's cells are 4 pixels wide, so that their inner pixels survive the halving.
    np.testing.assert_allclose(
        smaller.pixels[:, 0, 0].astype(int), dataset.pixels[:, 1, 1].astype(int), atol=30
    )
    monkeypatch.setattr("benchbench.datasets.joint.resize", None)
    again = in_shape(dataset, 8, tmp_path)
    assert again.fingerprint == smaller.fingerprint
    np.testing.assert_array_equal(again.pixels, smaller.pixels)


@pytest.fixture
def sources(make_dataset: MakeDataset) -> dict[str, OpenDataset]:
    shapes = {"a": (6, 3, 4), "b": (5, 0, 2)}
    return {
        name: make_dataset(classes=classes, per_class=7, shape=(8, 8, 3), seed=seed)
        for seed, (name, classes) in enumerate(shapes.items())
    }


def test_joined_classes_keep_their_images_and_splits(sources: dict[str, OpenDataset]) -> None:
    both = joined(sources, ["a", "b"])
    assert split_sizes(both) == (11, 3, 0)
    assert both.class_names[13] == "b/class 0"
    assert {name: len(ids) for name, ids in both.members.items()} == {"a": 13, "b": 7}
    storage = both.storage
    np.testing.assert_array_equal(storage.pixels[storage.places], both.pixels)
    of_b = both.images(np.flatnonzero(both.labels == 13))
    np.testing.assert_array_equal(of_b, sources["b"].pixels[:7])
    assert len(np.unique(both.public_ids)) == len(both.labels) == 140


def test_validation_classes_are_those_of_the_sources_that_count(sources) -> None:
    assert len(joined(sources, ["b"]).splits["val"]) == 0


def test_what_is_joined_decides_on_the_fingerprint(sources: dict[str, OpenDataset]) -> None:
    other = {**sources, "b": replace(sources["b"], fingerprint="ff" * 32)}
    prints = {joined(one, []).fingerprint for one in (sources, other, {"a": sources["a"]})}
    assert len(prints) == 3


@dataclass
class Both(Collection):
    """Two sources, learned from `a`."""

    name = "both"
    test_source: str = ""


def test_a_tested_source_shows_no_class_of_its_own_to_training(sources) -> None:
    (problem,) = problems_of(Both(), ["b"], ["a"], ["a"], sources.__getitem__)
    assert (problem.spec, problem.collection, problem.name) == ("both[test_source=b]", "both", "b")
    assert list(problem.train.members or {}) == ["a"]
    assert split_sizes(problem.test) == (0, 0, 2)
    assert problem.test.fingerprint == sources["b"].fingerprint


def test_groups_are_those_of_each_source_where_all_know_them(sources) -> None:
    assert joined(sources, []).groups is None
    for one in sources.values():
        one.groups = np.array([f"drawer {index % 3}" for index in range(len(one.labels))])
    both = joined(sources, [])
    assert both.groups[[0, 91]].tolist() == ["a/drawer 0", "b/drawer 0"]


def test_pictures_at_their_own_size_are_refused_with_the_cure(tmp_path: Path) -> None:
    root = write_own_size(tmp_path / "pictures", classes=3, count=2)
    native = open_folder(root, size="native")
    with pytest.raises(BenchbenchError, match=r"A data set of several needs .* size=N"):
        in_shape(native, 16, tmp_path)
