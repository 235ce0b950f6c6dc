"""The packaged lists: what the papers say of them, and how their classes' files are found."""

import zipfile
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from benchbench.datasets import listed as class_lists
from benchbench.datasets.base import SPLITS
from benchbench.datasets.cifar import FC100, CifarFS
from benchbench.datasets.cub import Cub
from benchbench.datasets.listed import ListedDataset, image_counts, parse_rows
from benchbench.datasets.miniimagenet import RAVI_NAME, MiniImageNet, listed_files
from benchbench.datasets.reading.class_folders import class_folders, in_tree
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.tieredimagenet import TieredImageNet

COUNTS = [
    (CifarFS(), (64, 16, 20), (38400, 9600, 12000)),
    (FC100(), (60, 20, 20), (36000, 12000, 12000)),
    (MiniImageNet(), (64, 16, 20), (38400, 9600, 12000)),
    (MiniImageNet("vinyals"), (60, 20, 20), (36000, 12000, 12000)),
    (TieredImageNet(), (351, 97, 160), (448695, 124261, 206209)),
    (Cub(), (100, 50, 50), (5885, 2950, 2953)),
]
"""Classes and images as the papers count them; the Vinyals list has no 64 / 16 / 20."""


of_each = pytest.mark.parametrize(("dataset", "classes", "images"), COUNTS, ids=str)


@of_each
def test_class_counts(dataset: ListedDataset, classes, images) -> None:
    listed = dataset.listed()
    found = Counter(item.split for item in listed)
    assert tuple(found[split] for split in SPLITS) == classes
    assert len({item.name for item in listed}) == len({item.folder for item in listed})
    assert len({item.name for item in listed}) == sum(classes)
    ids = dataset.split_classes([item.name for item in listed], [])
    assert tuple(len(ids[split]) for split in SPLITS) == classes


@of_each
def test_image_counts_of_the_splits(dataset: ListedDataset, classes, images) -> None:
    counts = dataset.expected_counts()
    found = dict.fromkeys(SPLITS, 0)
    for item in dataset.listed():
        found[item.split] += counts[item.name]
    assert tuple(found.values()) == images


def test_image_counts_of_the_sources() -> None:
    ilsvrc, cub = image_counts("ilsvrc_train"), image_counts("cub")
    assert (len(ilsvrc), sum(ilsvrc.values())) == (1000, 1281167)
    assert (min(ilsvrc.values()), max(ilsvrc.values())) == (732, 1300)
    assert (len(cub), sum(cub.values())) == (200, 11788)


def test_super_classes_of_tieredimagenet() -> None:
    parents = {split: set() for split in SPLITS}
    for item in TieredImageNet().listed():
        parents[item.split].add(item.parent)
    assert [len(parents[split]) for split in SPLITS] == [20, 6, 8]
    assert len(set.union(*parents.values())) == 34


def test_cub_is_dealt_by_the_numbers_of_the_classes() -> None:
    deal = ("train", "val", "train", "test")
    for item in Cub().listed():
        assert item.split == deal[(int(item.folder[:3]) - 1) % 4]


def test_ravis_numbers_are_positions_in_ilsvrcs_class_folders() -> None:
    """They go from 1 up to the number of training images, in every class."""
    counts = image_counts("ilsvrc_train")
    last, first = [], []
    for split in SPLITS:
        for name, files in listed_files("ravi", split).items():
            numbers = [int(RAVI_NAME.fullmatch(Path(file).stem)[1]) for file in files]
            first.append(min(numbers))
            last.append(counts[name] - max(numbers))
            assert len(set(numbers)) == 600
    assert min(first) == 1
    assert min(last) == 0
    assert max(last) < 10


def test_every_list_has_a_licence_and_the_lists_are_small() -> None:
    folder = resources.files("benchbench.datasets") / "splits"
    sizes = 0
    for part in folder.iterdir():
        assert (part / "LICENSE").read_text(encoding="utf-8")
        sizes += sum(len(file.read_bytes()) for file in part.iterdir())
    assert sizes < 1_500_000


def test_rows() -> None:
    assert parse_rows("filename,label\na.jpg,x\n\nb.jpg,y\n\n") == [("a.jpg", "x"), ("b.jpg", "y")]
    assert parse_rows("n01,n02\n") == [("n01", "n02")]
    with pytest.raises(ValueError, match="unpack"):
        parse_rows("a.jpg\n")


def found_folders(root: Path, **classes: str) -> dict[str, str]:
    """Where the folders of classes are, below `root`; a class is given with its split."""
    found = class_folders(root, classes)
    return {name: path.relative_to(root).as_posix() for name, path in found.items()}


def make_folders(root: Path, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return root


def test_folders_of_classes(tmp_path: Path) -> None:
    expected = {"a": "a", "b": "train/b", "c": "val/c", "d": "test/d", "e": "images/e"}
    make_folders(tmp_path, "train/a", *expected.values())
    found = found_folders(tmp_path, a="val", b="train", c="val", d="test", e="test", f="val")
    assert found == expected


def test_ilsvrcs_validation_images_are_not_taken_for_classes(tmp_path: Path) -> None:
    make_folders(tmp_path, "train/a", "train/b", "val/a", "val/b", "val/c")
    expected = {"a": "train/a", "b": "train/b"}
    assert found_folders(tmp_path, a="train", b="val", c="train") == expected


def test_ilsvrcs_own_folders(tmp_path: Path) -> None:
    make_folders(tmp_path, "ILSVRC/Data/CLS-LOC/train/a", "ILSVRC/Data/CLS-LOC/val")
    expected = {"a": "ILSVRC/Data/CLS-LOC/train/a"}
    assert found_folders(tmp_path, a="val") == expected
    assert found_folders(tmp_path / "ILSVRC", a="val") == {"a": "Data/CLS-LOC/train/a"}


def test_classes_inside_an_archive(tmp_path: Path) -> None:
    names = [
        "top/val/n01/a.jpg",
        "top/train/n01/c.jpg",
        "top/train/n01/b.jpg",
        "segmentations/bird/d.png",
        "top/images/bird/d.jpg",
        "top/images/other/e.jpg",
        "n02/f.jpg",
        "far/away/n02/g.jpg",
    ]
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    found = in_tree(FileTree(tmp_path / "data.zip"), ["n01", "n02", "bird", "none"])
    assert {name: [file.name for file in files] for name, files in found.items()} == {
        "n01": ["top/train/n01/b.jpg", "top/train/n01/c.jpg"],
        "n02": ["n02/f.jpg"],
        "bird": ["top/images/bird/d.jpg"],
    }


@pytest.mark.parametrize("dataset", [CifarFS, MiniImageNet, TieredImageNet, Cub])
def test_a_size_below_one_pixel(dataset: type[ListedDataset]) -> None:
    with pytest.raises(ValueError, match="size must be at least 1 pixel"):
        dataset(size=0)


def test_the_lists_are_read_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_lists, "read_list", lambda folder, file: f'["{folder}/{file}"]')
    assert class_lists.read_json("fc100")["val"] == ["fc100/val.json"]
