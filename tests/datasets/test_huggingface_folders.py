"""Folders that `hf:` reads: no class is lost to a word in its name, and no table in silence."""

from collections.abc import Mapping
from pathlib import Path

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_tables import opened, picture, table
from support.opened import greys_by_class
from support.sentences import one_sentence

from benchbench.datasets.huggingface_folders import _by_split


@pytest.fixture(autouse=True)
def library_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "library cache")


def written(root: Path, greys: Mapping[str, int]) -> Path:
    """A picture of each grey, by its name below `root`."""
    for name, grey in greys.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(grey).save(root / name)
    return root


NAMES = ["boat", "train station", "test_tube", "dev board", "val", "train", "evaluation-sheet"]


@pytest.mark.parametrize("names", [NAMES, NAMES[1:], NAMES[1:3], ["Test", "boat"]])
def test_classes_with_the_words_of_splits_are_classes(tmp_path: Path, names: list[str]) -> None:
    folder = written(tmp_path / "set", {f"{name}/0.png": k for k, name in enumerate(names)})
    dataset = opened(folder, tmp_path)
    assert greys_by_class(dataset) == {name: [k] for k, name in enumerate(names)}
    assert dataset.remarks == []


@pytest.mark.parametrize("around", ["", "animals/"])
@pytest.mark.parametrize("words", [("train", "test"), ("Training", "Eval"), ("Train", "testing")])
def test_split_folders_choose_rows(tmp_path: Path, around: str, words: tuple[str, str]) -> None:
    first, second = (around + word for word in words)
    greys = {f"{first}/owl/0.png": 1, f"{second}/owl/0.png": 2, f"{second}/cat/1.png": 3}
    folder = written(tmp_path / "set", greys)
    assert greys_by_class(opened(folder, tmp_path)) == {"cat": [3], "owl": [1, 2]}
    only = opened(folder, tmp_path, hf_split=("test",))
    assert greys_by_class(only) == {"cat": [3], "owl": [2]}
    with one_sentence(r"no split of hf:.* 'tset'; did you mean test"):
        opened(folder, tmp_path, hf_split=("tset",))


def test_a_folder_beside_split_folders_is_not_lost(tmp_path: Path) -> None:
    greys = {"train/owl/0.png": 1, "extra/owl/0.png": 2, "extra/cat/0.png": 3}
    folder = written(tmp_path / "set", greys)
    assert greys_by_class(opened(folder, tmp_path)) == {"cat": [3], "owl": [1, 2]}
    assert greys_by_class(opened(folder, tmp_path, hf_split=("train",))) == {"owl": [1]}
    assert opened(folder, tmp_path, hf_split=("other",)).class_names == ["cat", "owl"]


def test_a_class_without_a_readable_image_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", {"owl/0.png": 1, "cat/0.png": 2})
    (folder / "cat" / "0.png").write_text("no image")
    said = "1 class has no readable image and is missing: cat."
    assert opened(folder, tmp_path).remarks[0] == said


@pytest.mark.parametrize("around", ["", "animals/"])
@pytest.mark.parametrize("unsorted", ["test", "Test_set", "test/images"])
def test_images_without_a_label_are_no_class(tmp_path: Path, around: str, unsorted: str) -> None:
    greys = {f"{around}train/owl/0.png": 1, f"{around}train/cat/0.png": 2}
    greys |= {f"{around}{unsorted}/{number}.png": 9 for number in range(8)}
    dataset = opened(written(tmp_path / "set", greys), tmp_path)
    assert greys_by_class(dataset) == {"cat": [2], "owl": [1]}
    split = unsorted.partition("/")[0]
    assert dataset.remarks == [f"8 images without a label in {split}/, left out."]


def test_split_folders_in_each_class_are_parts_of_its_images(tmp_path: Path) -> None:
    greys = {"cat/train/0.png": 1, "cat/test/0.png": 2, "owl/train/0.png": 3, "owl/test/0.png": 4}
    folder = written(tmp_path / "set", greys)
    dataset = opened(folder, tmp_path)
    assert greys_by_class(dataset) == {"cat": [1, 2], "owl": [3, 4]}
    assert dataset.remarks == [
        "2 classes with split folders inside: the images of each class were put together."
    ]
    only = opened(folder, tmp_path, hf_split=("test",))
    assert greys_by_class(only) == {"cat": [2], "owl": [4]}


@pytest.mark.parametrize("folder", ["birds [2020]", "a*b?", "[x]", "train"])
def test_signs_of_patterns_in_the_path(tmp_path: Path, folder: str) -> None:
    root = written(tmp_path / folder, {"owl/0.png": 1, "cat/1.png": 2})
    assert greys_by_class(opened(root, tmp_path)) == {"cat": [2], "owl": [1]}
    tables = tmp_path / folder / "tables"
    tables.mkdir()
    table([10, 20], [0, 1]).to_parquet(tables / "train.parquet")
    assert greys_by_class(opened(tables, tmp_path)) == {"owl": [10], "cat": [20]}


def test_what_lies_at_different_depths_and_what_is_no_image(tmp_path: Path) -> None:
    greys = {"pets/dog/0.png": 1, "wild/dog/0.png": 2, "owl/0.Png": 3, "loose.png": 4}
    folder = written(tmp_path / "set", greys)
    (folder / "notes.txt").touch()
    dataset = opened(folder, tmp_path)
    assert greys_by_class(dataset) == {"dog": [1, 2], "owl": [3]}
    assert dataset.remarks == [
        "1 file is no image and was ignored: 1 .txt.",
        "1 image in no class folder, left out.",
        "1 class has images of several folders of one name: dog.",
    ]


def test_tables_that_belong_to_no_split_are_named(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for grey, name in enumerate(("train", "test", "extra")):
        table([grey], [0]).to_parquet(tmp_path / "set" / f"{name}.parquet")
    assert opened(tmp_path / "set", tmp_path).remarks == [
        "1 table whose names belong to no split (train, test), left out: extra.parquet."
    ]


def test_a_table_of_labels_beside_images(tmp_path: Path) -> None:
    folder = written(tmp_path / "set [1]", {"images/0.png": 1, "images/1.png": 2})
    (folder / "metadata.csv").write_text("file_name,kind\nimages/0.png,owl\nimages/1.png,cat\n")
    assert greys_by_class(opened(folder, tmp_path)) == {"cat": [2], "owl": [1]}


NAME = st.lists(
    st.sampled_from(["train", "test", "Valid", "dev", "owl", "train station", "x", "1"]),
    min_size=1,
    max_size=4,
).map("/".join)


@given(st.lists(NAME, min_size=1, max_size=8, unique=True))
def test_every_path_is_in_one_split(names: list[str]) -> None:
    paths = sorted(f"{name}/{k}.png" for k, name in enumerate(names))
    splits = _by_split(paths)
    assert sorted(path for members in splits.values() for path in members) == paths
    assert set(splits) <= {"train", "validation", "test", "other"}
