"""The parts of a class's images that the splits of the library are: of tables and class folders."""

from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_tables import opened, picture, saved, table
from support.opened import greys, split_sizes
from support.sentences import one_sentence

from benchbench.datasets.base import SPLITS
from benchbench.datasets.huggingface_parts import parts_of_classes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.samplers import ClassPool, create_sampler
from benchbench.system.places import Places

SHARED = {"train": ([10, 20, 11, 21], [0, 1, 0, 1]), "test": ([30, 40], [1, 0])}


@pytest.fixture(autouse=True)
def library_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "library cache")


def tables(content: dict[str, Any]) -> datasets.DatasetDict:
    return datasets.DatasetDict({name: table(*rows) for name, rows in content.items()})


def part_of_grey(dataset: OpenDataset) -> dict[int, str]:
    assert dataset.parts is not None
    return dict(zip(greys(dataset), dataset.parts.tolist(), strict=True))


def written(root: Path, layout: str) -> Path:
    """The images of `SHARED` in one of the layouts that are read."""
    if layout == "saved":
        return saved(root, tables(SHARED))
    root.mkdir()
    for part, (values, labels) in SHARED.items():
        if layout == "parquet":
            table(values, labels).to_parquet(root / f"{part}-00000-of-00001.parquet")
            continue
        for grey, label in zip(values, labels, strict=True):
            name = ["owl", "cat"][label]
            folder = root / (f"{part}/{name}" if layout == "around" else f"{name}/{part}")
            folder.mkdir(parents=True, exist_ok=True)
            picture(grey).save(folder / f"{grey}.png")
    return root


@pytest.mark.parametrize("layout", ["saved", "parquet", "around", "inside"])
def test_splits_that_share_their_classes_are_parts(tmp_path: Path, layout: str) -> None:
    dataset = opened(written(tmp_path / "set", layout), tmp_path, val=0.0, test=1.0)
    assert split_sizes(dataset) == (0, 0, 2)
    assert part_of_grey(dataset) == {
        **dict.fromkeys((10, 11, 20, 21), "train"),
        **dict.fromkeys((30, 40), "test"),
    }
    (episode,) = create_sampler("kshot[shot=2]").sample(ClassPool(dataset, "test"), 1)
    grey_of = greys(dataset)
    assert sorted(grey_of[image] for image in episode.support) == [10, 11, 20, 21]
    assert sorted(grey_of[image] for image in episode.query) == [30, 40]


@pytest.mark.parametrize("layout", ["around", "inside"])
def test_class_folders_have_the_parts_of_folder(tmp_path: Path, layout: str) -> None:
    root = written(tmp_path / "set", layout)
    dataset = opened(root, tmp_path, val=0.0, test=1.0)
    folder = create_dataset(f"folder:{root}[size=4,val=0,test=1]")
    other = open_dataset(folder, Places(tmp_path, tmp_path / "cache"))
    assert dataset.class_names == other.class_names
    assert part_of_grey(dataset) == part_of_grey(other)


def test_an_unreadable_image_leaves_the_others_their_parts(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", "around")
    (folder / "train" / "owl" / "10.png").write_text("no image")
    dataset = opened(folder, tmp_path, val=0.0, test=1.0)
    assert part_of_grey(dataset) == {
        **dict.fromkeys((11, 20, 21), "train"),
        **dict.fromkeys((30, 40), "test"),
    }


def test_rows_without_a_label_are_of_no_part(tmp_path: Path) -> None:
    content = {**SHARED, "test": ([30, 99, 40], [1, -1, 0])}
    dataset = opened(saved(tmp_path / "set", tables(content)), tmp_path)
    assert part_of_grey(dataset)[30] == part_of_grey(dataset)[40] == "test"
    assert 99 not in part_of_grey(dataset)


def test_another_split_is_the_test_part_if_that_is_said(tmp_path: Path) -> None:
    """As in copies of ImageNet, whose test images have no labels."""
    content = {
        "train": SHARED["train"],
        "validation": SHARED["test"],
        "test": ([50, 51], [-1, -1]),
    }
    folder = saved(tmp_path / "set", tables(content))
    assert part_of_grey(opened(folder, tmp_path))[30] == "val"
    dataset = opened(folder, tmp_path, hf_test="validation")
    assert part_of_grey(dataset)[30] == part_of_grey(dataset)[40] == "test"
    with one_sentence("no split of hf:.* 'vaildation'; did you mean validation"):
        opened(folder, tmp_path, hf_test="vaildation")


def test_of_two_test_parts_one_is_left_out(tmp_path: Path) -> None:
    content = {**SHARED, "validation": ([60, 61], [0, 1])}
    folder = saved(tmp_path / "set", tables(content))
    with one_sentence("labelled images in 'test' beside 'validation', which hf_test names"):
        opened(folder, tmp_path, hf_test="validation")
    chosen = ("train", "validation")
    dataset = opened(folder, tmp_path, hf_split=chosen, hf_test="validation")
    assert part_of_grey(dataset) == {
        **dict.fromkeys((10, 11, 20, 21), "train"),
        **dict.fromkeys((60, 61), "test"),
    }


def test_splits_of_other_names_are_no_parts(tmp_path: Path) -> None:
    content = {**SHARED, "extra": ([70], [0])}
    dataset = opened(saved(tmp_path / "set", tables(content)), tmp_path)
    assert dataset.parts is None
    assert dataset.remarks == [
        "1 of 3 splits mean no part (extra), so that no image is said to be for training or the "
        "test; hf_split leaves them out."
    ]


def test_splits_of_classes_of_their_own_are_no_parts(tmp_path: Path) -> None:
    apart = {"train": ([10, 11], [0, 0]), "test": ([20], [1])}
    folder = saved(tmp_path / "set", tables(apart))
    assert opened(folder, tmp_path).parts is None
    with one_sentence("No two splits of hf:.* share a class; leave out hf_test"):
        opened(folder, tmp_path, hf_test="test")


HOMES = st.dictionaries(
    st.text(min_size=1), st.lists(st.sampled_from(["train", "validation", "test"]), min_size=1)
)


@given(HOMES)
def test_each_image_has_the_part_that_its_split_means(homes: dict[str, list[str]]) -> None:
    found = parts_of_classes("toy", homes, None, pytest.fail)
    shared = any(len(set(own)) > 1 for own in homes.values())
    assert bool(found) == shared
    for label, parts in found.items():
        assert [part[:3] for part in parts] == [home[:3] for home in homes[label]]
        assert set(parts) <= set(SPLITS)
