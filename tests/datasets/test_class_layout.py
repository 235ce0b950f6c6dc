"""Which folders are classes: with split folders around them, in them, and without."""

from collections.abc import Iterable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sentences import one_sentence

from benchbench.datasets.class_layout import laid_out, split_folders
from benchbench.errors import BenchbenchError


def files(*folders: str) -> list[str]:
    """Two files in each folder."""
    return sorted(f"{folder}/{number}.png".lstrip("/") for folder in folders for number in (0, 1))


def classes(*folders: str) -> dict[str, int]:
    """The number of images of each class."""
    return {name: len(found) for name, found in laid_out(files(*folders)).classes.items()}


def test_without_split_folders_each_folder_is_a_class() -> None:
    assert classes("cat", "pets/dog", "pets/emu") == {"cat": 2, "pets/dog": 2, "pets/emu": 2}
    assert classes("around/cat", "around/dog") == {"cat": 2, "dog": 2}
    assert classes("train", "bus", "test") == {"bus": 2, "test": 2, "train": 2}


def test_split_folders_split_the_classes_if_they_share_none() -> None:
    folders = ["train/a", "train/b", "validation/c", "test/d"]
    assert list(classes(*folders)) == sorted(folders)
    assert split_folders(folders) == {name: name.partition("/")[0] for name in folders}
    assert list(classes("x/train/a", "x/test/b", "x/test/c")) == ["test/b", "test/c", "train/a"]
    assert split_folders(["a", "b/train", "test/c"]) is None


def test_a_picture_beside_everything_hides_no_split_folders() -> None:
    found = laid_out(files("", "x/train/a", "x/test/b"))
    assert list(found.classes) == ["test/b", "train/a"]
    assert found.remarks == ["2 images in no class folder, left out."]


SAME = "the images of each class were put together."


@pytest.mark.parametrize(
    "folders",
    [
        ["train/cat", "train/dog", "test/cat", "test/dog"],
        ["Train/Cat", "Train/dog", "TEST/cat", "TEST/Dog"],
        ["training_set/training_set/cat", "training_set/training_set/dog", "test/cat", "test/dog"],
        ["x/train/images/cat", "x/train/images/dog", "x/val/images/cat", "x/val/images/dog"],
        ["train/pets/cat", "train/pets/dog", "test/pets/cat", "test/pets/dog"],
        ["train/caf\u00e9", "train/b", "val/cafe\u0301", "val/b"],
        ["train/cat", "train/dog", "test/cat", "train2/dog"],
    ],
)
def test_split_folders_of_the_same_classes_split_their_images(folders: list[str]) -> None:
    found = laid_out(files(*folders))
    assert len(found.classes) == 2
    assert sorted(chain.from_iterable(found.classes.values())) == files(*folders)
    (remark,) = found.remarks
    assert remark.startswith("Split folders with images of the same 2 classes (")
    assert remark.endswith(SAME)
    assert split_folders(list(found.classes)) is None
    assert found.parts.keys() == set(files(*folders))
    assert {found.parts[file] for file in files(*folders) if "tr" in file.lower()} == {"train"}
    assert set(found.parts.values()) == {"train", "val" if "val/" in " ".join(folders) else "test"}


def test_the_images_of_a_class_are_in_the_order_of_the_splits() -> None:
    found = laid_out(files("test/a", "test/b", "train/a", "train/b", "val/a"))
    assert [name.partition("/")[0] for name in found.classes["a"]] == [
        *("train", "train", "val", "val", "test", "test")
    ]


def test_folders_around_classes_count_if_only_they_tell_the_classes_apart() -> None:
    folders = ["train/pets/cat", "train/pets/dog", "train/wild/cat", "test/pets/cat"]
    assert classes(*folders) == {"pets/cat": 4, "pets/dog": 2, "wild/cat": 2}


def test_classes_that_differ_in_case_alone_stay_apart() -> None:
    folders = ["train/Cat", "train/cat", "train/dog", "test/cat"]
    assert classes(*folders) == {"Cat": 2, "cat": 4, "dog": 2}


def test_split_folders_in_each_class_are_parts_of_its_images() -> None:
    found = laid_out(files("cat/train", "cat/test", "dog/train", "dog/valid", "emu"))
    assert {name: len(names) for name, names in found.classes.items()} == {
        "cat": 4,
        "dog": 4,
        "emu": 2,
    }
    assert found.remarks == [f"2 classes with split folders inside: {SAME}"]
    others = ["bus/other", "bus/test", "bus/train", "car"]
    assert list(classes(*others)) == others


@pytest.mark.parametrize("unsorted", ["test", "test/images", "test/unknown", "test/test"])
def test_images_without_a_label_are_left_out_and_told(unsorted: str) -> None:
    found = laid_out(files("train/cat", "train/dog", unsorted))
    assert list(found.classes) == ["cat", "dog"]
    assert found.remarks == ["2 images without a label in test/, left out."]
    found = laid_out(files("train/cat", "train/dog", "val/emu", "train", unsorted))
    assert list(found.classes) == ["train/cat", "train/dog", "val/emu"]
    assert found.remarks == [
        "2 images without a label in train/, left out.",
        "2 images without a label in test/, left out.",
    ]


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        (["train", "test"], r"^train/ and test/ have images in them, but no folder for each class"),
        (
            ["train/a", "train/b", "test/b", "test/c"],
            "^Class 'b' is below train/ and test/, class 'a' below train/ alone; ",
        ),
        (
            ["train/a", "test/a", "more/a"],
            "^more/a/ lies beside the split folders train/ and test/",
        ),
        (["train/a", "test", "more/a"], "^more/a/ lies beside the split folders train/"),
        (["x/train/a", "x/test/b", "y/train/a", "y/test/b"], "^x/ and y/ have split folders each"),
    ],
)
def test_what_does_not_fit_is_refused(folders: list[str], says: str) -> None:
    with one_sentence(says):
        laid_out(files(*folders))


@pytest.mark.parametrize("tops", [("trn", "tst"), ("fold1", "fold2", "fold3")])
def test_names_in_several_folders_that_are_no_known_splits_are_told(
    tops: tuple[str, ...],
) -> None:
    folders = [f"{top}/class{number}" for top in tops for number in range(10)]
    found = laid_out(files(*folders, "other/one"))
    assert list(found.classes) == sorted([*folders, "other/one"])
    assert found.remarks == [
        f"10 names are in several folders ({', '.join(tops)}); each is a class of its "
        "own: if these are splits, call them train, val and test, or put them together."
    ]
    assert laid_out(files("pets/cat", "wild/emu", "rock")).remarks == []


def test_half_a_split_is_refused() -> None:
    with one_sentence("^Class 'cat' is below holdout/ and train/, of which one is no split"):
        split_folders(["train/cat", "train/dog", "holdout/cat"])
    assert split_folders(["train/red", "bus/red", "car/red"]) is None
    assert split_folders(["train/cat", "wild/emu"]) is None


def test_the_only_split_folder_left_is_refused() -> None:
    with one_sentence("^train/ is the only split folder with images that can be read; "):
        split_folders(["train/cat", "train/dog"])
    assert split_folders(["pets/cat", "pets/dog"]) is None


PARTS = st.sampled_from(["train", "Valid", "test", "cat", "Cat", "dog", "images", "x", "caf\u00e9"])
PLACES = st.lists(PARTS, max_size=4).map("/".join)


@given(st.lists(PLACES, max_size=8, unique=True))
def test_no_image_is_lost_or_doubled(folders: list[str]) -> None:
    """Each is in one class, or counted as left out; or a sentence refuses them all."""
    names = files(*folders)
    try:
        found = laid_out(names)
    except BenchbenchError:
        return
    kept = list(chain.from_iterable(found.classes.values()))
    assert len(set(kept)) == len(kept)
    assert len(kept) + left_out(found.remarks) == len(names)


def left_out(remarks: Iterable[str]) -> int:
    return sum(int(remark.split()[0]) for remark in remarks if remark.endswith(" left out."))
