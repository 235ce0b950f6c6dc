"""The classes and images of a split."""

import numpy as np
import pytest
from samplers.toys import column, labelled, pool

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, FixedSampler


def test_a_pool_lists_the_images_of_each_class() -> None:
    data = labelled([3, 5, 2])
    data.splits["odd"] = np.array([2, 0])
    odd = ClassPool(data, "odd")
    assert (len(odd), odd.class_name(0), odd.sizes.tolist()) == (2, "class 2", [2, 3])
    for c, start, size in zip(odd.classes, odd.starts, odd.sizes, strict=True):
        np.testing.assert_array_equal(
            odd.rows[start : start + size], np.flatnonzero(data.labels == c)
        )


def test_a_pool_without_its_small_classes() -> None:
    whole = pool([3, 6, 2, 6, 5])
    large = whole.at_least(5)
    assert large.classes.tolist() == [1, 3, 4]
    assert len(whole) == 5
    drawn = FixedSampler(3, 2, 3).sample(large, 30)
    assert set(drawn.classes) == {1, 3, 4}
    np.testing.assert_array_equal(
        large.dataset.labels[column(drawn, "query")],
        np.take_along_axis(column(drawn, "classes"), column(drawn, "query_labels"), axis=1),
    )
    assert len(whole.at_least(7)) == 0


def test_an_unknown_split_is_refused(dataset: OpenDataset) -> None:
    with pytest.raises(BenchbenchError, match="has no split 'tset'; it has train, val, test"):
        ClassPool(dataset, "tset")


def test_the_images_of_a_class_and_the_name_of_the_split() -> None:
    data = labelled([3, 5, 2])
    whole = ClassPool(data, "twin")
    assert whole.place == "split 'twin' of toy"
    for kept in (whole, whole.at_least(3)):
        for position, c in enumerate(kept.classes):
            np.testing.assert_array_equal(kept.images(position), np.flatnonzero(data.labels == c))
