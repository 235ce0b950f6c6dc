"""Findings on the table, the files and the classes: each fault is told, a sound set has none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchbench.datasets.integrity import checks
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

Make = Callable[..., OpenDataset]


def named(dataset: OpenDataset, **names: str) -> OpenDataset:
    """The data set with other names for `class_3` and the like; 0 to 11 train, 18 to 25 test."""
    class_names = list(dataset.class_names)
    for key, name in names.items():
        class_names[int(key.removeprefix("class_"))] = name
    return replace(dataset, class_names=class_names)


def test_a_sound_data_set_has_no_findings(make_dataset: Make) -> None:
    dataset = make_dataset()
    found = [*checks.check_counts(dataset, checks.counts(dataset)), *checks.check_files(dataset)]
    assert [*found, *checks.check_classes(dataset)] == []
    assert checks.class_counts(dataset) == [12, 6, 8]


def test_what_was_left_out_is_a_note(make_dataset: Make) -> None:
    dataset = replace(make_dataset(), remarks=["1 file is no image.", "1 class is in no split."])
    found = [(f.level, f.check, f.text) for f in checks.check_remarks(dataset)]
    assert found == [("note", "reading", remark) for remark in dataset.remarks]


def test_the_fingerprint_is_that_of_the_decoded_table(places: Places) -> None:
    shapes = open_dataset("shapes", places)
    assert checks.fingerprint_of(shapes.pixels, shapes.labels) == shapes.fingerprint
    assert list(checks.check_table(shapes)) == []


@pytest.mark.parametrize("what", ["pixel", "label"])
def test_one_altered_value_is_noticed(make_dataset: Make, what: str) -> None:
    dataset = make_dataset()
    sound = replace(dataset, fingerprint=checks.fingerprint_of(dataset.pixels, dataset.labels))
    assert list(checks.check_table(sound)) == []
    pixels, labels = dataset.pixels.copy(), dataset.labels.copy()
    if what == "pixel":
        pixels[300, 5, 5, 0] ^= 1
    else:
        labels[300] -= 1
    (finding,) = checks.check_table(replace(sound, pixels=pixels, labels=labels))
    assert (finding.level, finding.check) == ("error", "table")


def test_counts_that_differ_from_the_published_ones(make_dataset: Make) -> None:
    dataset = make_dataset()
    expected = checks.counts(dataset)
    expected["class 2"] = 21
    del expected["class 4"]
    expected["class 99"] = 20
    texts = [(f.level, f.text) for f in checks.check_counts(dataset, expected)]
    assert texts == [
        ("error", "1 published class missing: class 99."),
        ("error", "1 class not published: class 4."),
        ("error", "'class 2' has 20 images instead of 21."),
    ]


def test_a_class_of_one_image_is_too_small(make_dataset: Make) -> None:
    dataset = make_dataset()
    kept = np.flatnonzero((dataset.labels != 5) | (np.arange(len(dataset.labels)) == 100))
    small = replace(dataset, pixels=dataset.pixels[kept], labels=dataset.labels[kept])
    (finding,) = checks.check_counts(small, None)
    assert finding.level == "warning"
    assert finding.text.startswith("1 class with one image only")
    assert finding.details == {"classes": ["class 5"]}


def test_unreadable_files_are_named(make_dataset: Make) -> None:
    files = [f"{letter}.png" for letter in "abcdefg"]
    (finding,) = checks.check_files(replace(make_dataset(), unreadable=files))
    assert finding.level == "error"
    assert "7 files" in finding.text
    assert "a.png, b.png, c.png, d.png, e.png and 2 more" in finding.text
    assert finding.details == {"files": files}


@pytest.mark.parametrize(
    ("one", "other"),
    [("Sea lion", "sea_lion"), ("sea-lion", "SeaLion"), ("train/fox", "test/fox"), ("Ä 1", "ä1")],
)
def test_one_class_in_two_splits(make_dataset: Make, one: str, other: str) -> None:
    dataset = named(make_dataset(), class_3=one, class_20=other)
    (finding,) = checks.check_classes(dataset)
    assert (finding.level, finding.check) == ("error", "classes")
    assert f"{one} (train), {other} (test)" in finding.text
    assert finding.details == {"classes": [one, other]}


def test_two_names_in_one_split_are_no_overlap(make_dataset: Make) -> None:
    assert list(checks.check_classes(named(make_dataset(), class_3="fox", class_4="Fox"))) == []


def test_the_same_last_name_may_be_the_same_class(make_dataset: Make) -> None:
    dataset = named(make_dataset(), class_3="animals/fox", class_20="pets/fox")
    (finding,) = checks.check_classes(dataset)
    assert (finding.level, finding.check) == ("warning", "classes")
    assert list(checks.check_classes(replace(dataset, names_are_words=False))) == []


def test_a_class_of_no_split_overlaps_with_none(make_dataset: Make) -> None:
    dataset = named(make_dataset(), class_3="fox", class_20="fox")
    splits = dataset.splits | {"test": np.setdiff1d(dataset.splits["test"], [20])}
    assert list(checks.check_classes(replace(dataset, splits=splits))) == []


def test_a_parent_in_two_splits_is_a_warning(make_dataset: Make) -> None:
    dataset = make_dataset()
    parents = [("own", str(label)) for label in range(26)]
    parents[0] = parents[25] = ("shared", "x")
    (finding,) = checks.check_classes(replace(dataset, hierarchy=parents))
    assert finding.level == "warning"
    assert finding.text == "1 of 25 parents have classes in several splits: shared/x."


@pytest.mark.data
def test_gurmukhi_is_in_two_splits_of_vinyals_lists(places: Places) -> None:
    (finding,) = checks.check_classes(open_dataset("omniglot[split=vinyals]", places))
    assert finding.details == {"parents": ["Gurmukhi"]}
    assert list(checks.check_classes(open_dataset("omniglot", places))) == []


def test_counting_in_words() -> None:
    assert checks.plural(1, "image", "images") == "1 image"
    assert checks.plural(0, "image", "images") == "0 images"
    assert checks.some(["a", "b"]) == "a, b"
    assert checks.some(list("abcdefgh")) == "a, b, c, d, e and 3 more"
    found = [checks.Finding(level, "x", "") for level in ("note", "error", "note")]
    assert checks.levels(found) == {"note": 2, "error": 1}
