"""Findings on pictures: copies across splits, across classes, in a class, and in another set."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchbench.datasets.integrity.checks import Finding
from benchbench.datasets.integrity.duplicates import CORRELATION, DISTANCE, scan
from benchbench.datasets.integrity.image_checks import (
    Captions,
    check_duplicates,
    check_overlap,
    check_pictures,
)
from benchbench.datasets.open_dataset import OpenDataset

Make = Callable[..., OpenDataset]
LIMITS = (DISTANCE, CORRELATION)


def noisy(
    make_dataset: Make, copies: Sequence[tuple[int, int]] = (), **options: Any
) -> OpenDataset:
    """A data set of unlike images, of which some are copied to other places; 20 a class."""
    dataset = make_dataset(noise=200, **options)
    pixels = dataset.pixels.copy()
    for source, target in copies:
        pixels[target] = pixels[source]
    return replace(dataset, pixels=pixels)


def duplicates(dataset: OpenDataset) -> list[Finding]:
    return list(check_duplicates(dataset, scan(dataset.pixels), *LIMITS))


def test_captions_count_from_0_in_each_class(make_dataset: Make) -> None:
    captions = Captions(make_dataset())
    assert captions[0] == "image 0 of 'class 0' (train)"
    assert captions[19] == "image 19 of 'class 0' (train)"
    assert captions[25 * 20 + 3] == "image 3 of 'class 25' (test)"
    assert len(captions) == 520


def test_captions_of_labels_in_any_order(make_dataset: Make) -> None:
    dataset = make_dataset()
    mixed = np.random.default_rng(0).permutation(dataset.labels)
    captions = Captions(replace(dataset, labels=mixed))
    third = np.flatnonzero(mixed == 7)[2]
    assert captions[third] == "image 2 of 'class 7' (train)"


def test_a_class_of_no_split_has_none_in_its_caption(make_dataset: Make) -> None:
    dataset = make_dataset()
    empty = {split: np.empty(0, np.int64) for split in dataset.splits}
    assert Captions(replace(dataset, splits=empty))[0] == "image 0 of 'class 0'"


def test_unlike_images_give_no_finding(make_dataset: Make) -> None:
    assert duplicates(noisy(make_dataset)) == []


def test_each_kind_of_copy_has_its_level(make_dataset: Make) -> None:
    leak, labels, inside = (3, 510), (5, 45), (62, 70)
    found = duplicates(noisy(make_dataset, [leak, labels, inside]))
    assert [(finding.level, finding.check) for finding in found] == [
        ("error", "duplicates"),
        ("warning", "duplicates"),
        ("note", "duplicates"),
    ]
    assert found[0].text == (
        "one picture in two splits: image 3 of 'class 0' (train) equals "
        "image 10 of 'class 25' (test)."
    )
    assert found[0].details == {"images": [3, 510], "exact": True, "correlation": 1.0}
    assert found[1].details["images"] == [5, 45]
    assert found[2].text.startswith("1 picture is twice in a class (1 bit by bit), such as")
    assert found[2].details == {"pairs": [[62, 70]]}


def test_a_class_of_no_split_leaks_nothing(make_dataset: Make) -> None:
    dataset = noisy(make_dataset, [(3, 510)])
    unused = replace(dataset, splits=dataset.splits | {"test": np.arange(18, 25)})
    assert duplicates(unused) == []


def test_a_copy_in_no_split_hides_no_leak(make_dataset: Make) -> None:
    """The first of three copies is in no split."""
    dataset = noisy(make_dataset, [(3, 45), (3, 510)])
    unused = replace(dataset, splits=dataset.splits | {"train": np.arange(1, 12)})
    (finding,) = duplicates(unused)
    assert (finding.level, finding.details["images"]) == ("error", [45, 510])


def parted(dataset: OpenDataset, **parts: Sequence[int]) -> OpenDataset:
    """All classes in the test split, with training images, but those that are named by part."""
    splits = {"train": np.arange(0), "val": np.arange(0), "test": np.arange(26)}
    of_image = np.full(len(dataset.labels), "train", "<U5")
    for part, images in parts.items():
        of_image[list(images)] = part
    return replace(dataset, splits=splits, parts=of_image)


def test_a_picture_in_two_parts_leaks(make_dataset: Make) -> None:
    """Of the copies of a test image, one is for training, in its own class or in another."""
    dataset = parted(noisy(make_dataset, [(3, 7), (44, 30), (62, 70)]), test=[7, 44])
    counted, *found = duplicates(dataset)
    assert counted.text == "2 of 2 test images are in the train part as well (2 bit by bit)."
    assert [finding.level for finding in (counted, *found)] == ["error", "error", "error", "note"]
    assert found[0].text == (
        "one picture in two parts: image 3 of 'class 0' (train part) equals "
        "image 7 of 'class 0' (test part)."
    )
    assert found[1].details["images"] == [30, 44]
    assert found[2].details == {"pairs": [[62, 70]]}


def test_nearly_equal_pictures_in_two_parts_leak(make_dataset: Make) -> None:
    dataset = noisy(make_dataset, [(3, 7)], shape=(32, 32, 1))
    dataset.pixels[7, :2, :2] ^= 1
    counted, pair = duplicates(parted(dataset, test=[7, 8], val=[9]))
    assert counted.text == "1 of 2 test images is in the train part as well (0 bit by bit)."
    assert (pair.level, pair.details["images"], pair.details["exact"]) == ("error", [3, 7], False)


def test_each_copy_of_a_test_image_counts(make_dataset: Make) -> None:
    """The second and the third image are equal to the first, and nearly equal to the last."""
    dataset = noisy(make_dataset, [(0, 1), (0, 2), (0, 9)], shape=(32, 32, 1))
    dataset.pixels[9, :2, :2] ^= 1
    counts = {
        finding.details["part"]: (finding.details["copies"], finding.details["exact"])
        for finding in duplicates(parted(dataset, test=[0, 1, 2, 5], val=[1]))
        if "part" in finding.details
    }
    assert counts == {"train": (2, 0), "val": (2, 2)}


def test_parts_of_unlike_images_give_no_finding(make_dataset: Make) -> None:
    assert duplicates(parted(noisy(make_dataset), test=range(0, 520, 4))) == []


def test_parts_do_not_count_where_splits_do(make_dataset: Make) -> None:
    dataset = noisy(make_dataset, [(3, 7)])
    by_class = replace(parted(dataset, test=[7]), splits=dataset.splits)
    (finding,) = duplicates(by_class)
    assert (finding.level, finding.details) == ("note", {"pairs": [[3, 7]]})
    assert "(train)" in finding.text


def test_pictures_of_one_colour_and_grey_ones(make_dataset: Make) -> None:
    dataset = noisy(make_dataset, shape=(16, 16, 3))
    dataset.pixels[7] = 255
    dataset.pixels[30] = dataset.pixels[30, ..., :1]
    constant, grey = check_pictures(dataset, scan(dataset.pixels))
    assert constant.level == "warning"
    assert constant.text == "1 image of one colour all over: image 7 of 'class 0' (train)."
    assert grey.level == "note"
    assert grey.details == {"images": [30]}


def test_a_data_set_that_is_grey_altogether_is_sound(make_dataset: Make) -> None:
    dataset = noisy(make_dataset, shape=(16, 16, 1))
    threefold = replace(dataset, pixels=dataset.pixels.repeat(3, axis=3))
    assert list(check_pictures(threefold, scan(threefold.pixels))) == []


def test_grey_data_sets_and_coloured_ones_are_sound(make_dataset: Make) -> None:
    for channels in (1, 3):
        dataset = noisy(make_dataset, shape=(16, 16, channels))
        assert list(check_pictures(dataset, scan(dataset.pixels))) == []


def overlap(dataset: OpenDataset, other: OpenDataset) -> list[Finding]:
    return list(check_overlap(dataset, other, (scan(dataset.pixels), scan(other.pixels)), *LIMITS))


def test_what_another_data_set_shares(make_dataset: Make) -> None:
    dataset, other = noisy(make_dataset), noisy(make_dataset, seed=1)
    other.pixels[40] = dataset.pixels[510]  # of a test class
    other.pixels[41] = dataset.pixels[300]  # of a validation class
    other.pixels[42] = dataset.pixels[10]  # of a training class
    names = [f"other {label}" for label in range(26)]
    found = overlap(dataset, replace(other, class_names=names))
    assert [finding.level for finding in found] == ["error", "error", "note"]
    assert {tuple(finding.details["images"]) for finding in found[:2]} == {(510, 40), (300, 41)}
    assert found[2].text == "1 picture that is for training is in toy-1 as well."


def test_what_is_for_training_and_for_test_is_an_error(make_dataset: Make) -> None:
    dataset, other = noisy(make_dataset, [(10, 510)]), noisy(make_dataset, seed=1)
    other.pixels[40] = dataset.pixels[10]
    found = overlap(dataset, replace(other, names_are_words=False))
    assert [(finding.level, finding.check) for finding in found] == [
        ("error", "overlap"),
        ("note", "overlap"),
    ]
    assert found[0].details["images"] == [510, 40]


def test_training_images_of_test_classes_may_be_shared(make_dataset: Make) -> None:
    dataset, other = noisy(make_dataset), noisy(make_dataset, seed=1)
    other.pixels[40], other.pixels[41] = dataset.pixels[10], dataset.pixels[11]
    found = overlap(parted(dataset, test=[11]), replace(other, names_are_words=False))
    assert [(finding.level, finding.check) for finding in found] == [
        ("error", "overlap"),
        ("note", "overlap"),
    ]
    assert found[0].details["images"] == [11, 41]


def test_classes_in_no_split_are_not_shared(make_dataset: Make) -> None:
    dataset = noisy(make_dataset)
    splits = {split: np.empty(0, np.int64) for split in dataset.splits}
    assert overlap(dataset, replace(dataset, splits=splits)) == []


def test_class_names_that_another_data_set_has_too(make_dataset: Make) -> None:
    dataset, other = noisy(make_dataset), noisy(make_dataset, seed=1)
    names = [f"other {label}" for label in range(26)]
    names[3:6] = ["animals/Class-25", "class 0", "CLASS 13"]
    found = overlap(dataset, replace(other, class_names=names))
    assert [(finding.level, finding.details["split"]) for finding in found] == [
        ("note", "train"),
        ("warning", "val"),
        ("warning", "test"),
    ]
    assert found[2].details["classes"] == ["class 25"]
    assert overlap(dataset, replace(other, class_names=names, names_are_words=False)) == []
