"""tieredImageNet: small class folders as ILSVRC has them, or dealt out."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.opened import open_from, split_ids
from support.sentences import one_sentence

from benchbench.datasets import tieredimagenet
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.tieredimagenet import TieredImageNet

ROWS = {
    "train": [("n00000002", "n90000001"), ("n00000001", "n90000001")],
    "val": [("n00000003", "n90000002")],
    "test": [("n00000004", "n90000003"), ("n00000005", "n90000004")],
}
COUNTS = {"n00000001": 1, "n00000002": 2, "n00000003": 3, "n00000004": 4, "n00000005": 5}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root for lists of five classes."""
    monkeypatch.setattr(tieredimagenet, "read_rows", lambda _, file: ROWS[file[:-4]])
    monkeypatch.setattr(tieredimagenet, "image_counts", lambda of: COUNTS)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def make(root: Path, around: str, splits: bool = False) -> Path:
    for split, rows in ROWS.items():
        for name, _ in [*rows, ("n00000099", "")]:
            folder = root / around / (split if splits else "") / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(COUNTS.get(name, 2)):
                colour = (int(name[-2:]), 10 * number, 0)
                Image.new("RGB", (40 + number, 30), colour).save(folder / f"{number}.png")
    return root / around.split("/")[0]


def check(dataset: OpenDataset) -> None:
    assert dataset.class_names == list(COUNTS)
    assert split_ids(dataset) == [[0, 1], [2], [3, 4]]
    parents = dict(row for rows in ROWS.values() for row in rows)
    assert dataset.hierarchy == [(parents[name],) for name in COUNTS]
    assert np.bincount(dataset.labels).tolist() == list(COUNTS.values())
    assert dataset.image_shape == (84, 84, 3)
    colours = [(int(name[-2:]), 10 * n, 0) for name, count in COUNTS.items() for n in range(count)]
    expected = np.broadcast_to(np.array(colours)[:, None, None], dataset.pixels.shape)
    np.testing.assert_array_equal(dataset.pixels, expected)
    assert not dataset.names_are_words
    assert TieredImageNet().expected_counts() == COUNTS


@pytest.mark.parametrize(
    ("around", "splits"),
    [
        ("ILSVRC2012/train", False),
        ("imagenet", False),
        ("imagenet/ILSVRC/Data/CLS-LOC/train", False),
        ("tieredimagenet", False),
        ("tiered_imagenet", True),
    ],
)
def test_layouts(root: Path, tmp_path: Path, around: str, splits: bool) -> None:
    make(root, around, splits)
    check(open_from(root, TieredImageNet()))
    check(open_from(root, TieredImageNet(), make(tmp_path / "elsewhere", around, splits)))


def test_a_zip(root: Path) -> None:
    folder = make(root, "tiered_imagenet", splits=True)
    shutil.make_archive(str(folder), "zip", root, folder.name)
    shutil.rmtree(folder)
    check(open_from(root, TieredImageNet()))


def test_only_the_listed_folders_are_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(root, "ILSVRC2012/train")
    before = open_from(root, TieredImageNet())
    (folder / "train" / "n00000099" / "new.png").touch()
    monkeypatch.delattr(TieredImageNet, "decode")
    assert open_from(root, TieredImageNet()).fingerprint == before.fingerprint


def test_a_missing_class(root: Path) -> None:
    shutil.rmtree(make(root, "ILSVRC2012/train") / "train" / "n00000004")
    with one_sentence("ILSVRC2012 lacks 1 of the 5 classes of tieredimagenet, such as 'n00000004'"):
        open_from(root, TieredImageNet())


def test_too_few_images_open_and_differ_from_the_counts(root: Path) -> None:
    (make(root, "ILSVRC2012/train") / "train" / "n00000004" / "0.png").unlink()
    assert np.bincount(open_from(root, TieredImageNet()).labels).tolist() == [1, 2, 3, 3, 5]


def test_no_copy_at_all(root: Path) -> None:
    with one_sentence(r"^tieredImageNet is made from ImageNet's training"):
        open_from(root, TieredImageNet())
