"""What a method is given: handles on images, a support set, a task."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.images import Images
from benchbench.method import Method, Support, Task
from benchbench.runs.method_card import describe_method


class Echo(Method):
    """Remembers what it adapted to."""

    name = "echo"

    def adapt(self, support: Support):
        return lambda images: (support.seed, len(images))


def support_set(**changes) -> Support:
    images = Images.from_array(np.zeros((2, 4, 4, 1), np.uint8))
    return Support(images, torch.tensor([0, 1]), 2, "toy", **changes)


def task(n_shot: int | None) -> Task:
    return Task("toy", "5way", (16, 16, 1), 5, n_shot, 15)


def test_images_read_the_pixels_of_their_rows(dataset: OpenDataset) -> None:
    rows = np.array([7, 3, 7])
    images = Images(dataset.view("test"), rows)
    assert len(images) == 3
    np.testing.assert_array_equal(images.array, dataset.pixels[rows])


def test_a_method_that_writes_on_its_images_alters_nothing(dataset: OpenDataset) -> None:
    before = dataset.pixels[:2].copy()
    images = Images(dataset.view("train"), np.array([0, 1]))
    images.array[:] = 0
    np.testing.assert_array_equal(dataset.pixels[:2], before)


def test_equal_ids_are_the_same_image(dataset: OpenDataset) -> None:
    everything = np.arange(len(dataset.labels))
    ids = Images(dataset.view("test"), everything).ids
    assert sorted(ids) == everything.tolist()
    some = Images(dataset.view("train"), np.array([9, 4]))
    np.testing.assert_array_equal(some.ids, ids[[9, 4]])


def test_ids_do_not_tell_the_class(dataset: OpenDataset) -> None:
    rows = np.flatnonzero(np.isin(dataset.labels, dataset.splits["test"]))
    ids = Images(dataset.view("test"), rows).ids
    assert spearmanr(ids, dataset.labels[rows]).pvalue > 0.01
    assert spearmanr(ids, rows).pvalue > 0.01


def test_ids_differ_between_data_sets(make_dataset) -> None:
    assert (make_dataset(seed=1).public_ids != make_dataset(seed=2).public_ids).any()


def test_images_of_an_array() -> None:
    array = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    images = Images.from_array(array)
    np.testing.assert_array_equal(images.array, array)
    assert images.ids.tolist() == [0, 1]
    images.array[:] = 0
    assert array.any()


@pytest.mark.parametrize(
    "array", [np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4), np.uint8)], ids=["floats", "no channels"]
)
def test_images_of_a_wrong_array_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[n, h, w, c\]"):
        Images.from_array(array)


def test_class_names_are_for_methods_that_declare_it() -> None:
    assert support_set(names=("cat", "dog")).class_names == ("cat", "dog")
    with pytest.raises(MethodError, match="uses_class_names = True"):
        _ = support_set().class_names


def test_class_names_do_not_show_in_the_representation() -> None:
    assert "secret" not in repr(support_set(names=("secret", "dog")))


def test_adapt_is_all_that_a_method_must_have() -> None:
    class Empty(Method):
        name = "empty"

    with pytest.raises(NotImplementedError, match=r"Empty has no adapt\(support\)"):
        Empty().adapt(support_set())


def test_adapt_many_adapts_to_each_in_order() -> None:
    classifiers = Echo().adapt_many([support_set(seed=seed) for seed in (5, 3, 4)])
    images = Images.from_array(np.zeros((6, 4, 4, 1), np.uint8))
    assert [classify(images) for classify in classifiers] == [(5, 6), (3, 6), (4, 6)]


def test_zero_shot_tasks_are_for_methods_that_read_class_names() -> None:
    class Reader(Echo):
        uses_class_names = True

    assert "0-shot" in str(Echo().skip(task(0)))
    assert Reader().skip(task(0)) is None


@pytest.mark.parametrize("n_shot", [1, None])
def test_other_tasks_are_not_skipped(n_shot: int | None) -> None:
    assert Echo().skip(task(n_shot)) is None


def test_a_fixed_way_skips_tasks_whose_way_varies() -> None:
    class Fixed(Echo):
        fixed_way = True

    varying = Task("toy", "variable", (16, 16, 1), None, 1, 15)
    assert "fixed way" in str(Fixed().skip(varying))
    assert Fixed().skip(task(1)) is None
    assert Echo().skip(varying) is None


def test_a_method_that_says_no_family_is_another() -> None:
    assert Echo.family == "other"
    assert "family" not in describe_method(Echo())
