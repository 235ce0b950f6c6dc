"""The CLIP line's data sets: small trees in torchvision's layouts, and CoOp's files in them."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from scipy.io import savemat
from support.clip_trees import TREES, Written
from support.command_line import succeeded
from support.opened import greys, split_sizes
from support.sentences import one_sentence

from benchbench.datasets.clip_sets_lists import in_words
from benchbench.datasets.clip_sets_table import ROWS
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.samplers import ClassPool, create_sampler
from benchbench.system.places import Places
from benchbench.system.vision import torchvision

COOP = {row.name: row.coop for row in ROWS if row.coop}
WITHOUT_PARTS = ("caltech101", "eurosat")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def opened(root: Path, text: str) -> OpenDataset:
    """At 4 px, where each image is of one grey."""
    name, _, rest = text.partition("[")
    spec = f"{name}[size=4,{rest}" if rest else f"{name}[size=4]"
    return open_dataset(create_dataset(spec), Places(root, root.parent / "cache"))


def told(dataset: OpenDataset) -> set[tuple[int, str, str]]:
    """The grey, the class and the part of each image."""
    labels = [dataset.class_names[label] for label in dataset.labels]
    assert dataset.parts is not None
    return set(zip(greys(dataset), labels, dataset.parts.tolist(), strict=True))


def coop_file(folder: Path, name: str, written: list[Written]) -> None:
    """CoOp's file, which calls the first training image of each class a validation image."""
    content: dict[str, list[Any]] = {"train": [], "val": [], "test": []}
    labels = sorted({image.label for image in written})
    for image in written:
        part = "val" if image in written[:3:2] else image.part
        content[part].append([image.file, labels.index(image.label), image.label.lower()])
    folder.mkdir(exist_ok=True)
    (folder / COOP[name]).write_text(json.dumps(content))


def test_the_table_has_the_eleven_and_their_trees() -> None:
    assert {row.name for row in ROWS} == {*TREES}
    assert len(TREES) == 11


@pytest.mark.parametrize("name", sorted({*TREES} - {*WITHOUT_PARTS}))
def test_official_parts(root: Path, name: str) -> None:
    written = TREES[name](root)
    dataset = opened(root, name)
    assert split_sizes(dataset) == (0, 0, 2)
    assert told(dataset) == {(image.grey, image.label, image.part) for image in written}
    assert dataset.unreadable == []
    (episode,) = create_sampler("kshot[shot=2]").sample(ClassPool(dataset, "test"), 1)
    assert (len(episode.support), len(episode.query)) == (4, 2)
    said = [remark for remark in dataset.remarks if "official" in remark]
    assert len(said) == (name in COOP)


@pytest.mark.parametrize("name", WITHOUT_PARTS)
def test_without_coops_file_some_have_no_parts(root: Path, name: str) -> None:
    TREES[name](root)
    dataset = opened(root, name)
    assert dataset.parts is None
    assert len(dataset.labels) == 6
    assert f"are not told apart, for CoOp's {COOP[name]} is not here." in dataset.remarks[0]


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("name", sorted(COOP))
def test_coops_file_says_what_is_for_what(root: Path, name: str, beside: bool) -> None:
    written = TREES[name](root)
    (folder,) = root.iterdir()
    coop_file(root if beside else folder, name, written)
    dataset = opened(root, name)
    parts = {grey: part for grey, _, part in told(dataset)}
    assert parts == {
        image.grey: "val" if image in written[:3:2] else image.part for image in written
    }
    assert {label for _, label, _ in told(dataset)} == {image.label.lower() for image in written}
    assert f"are those of CoOp's {COOP[name]}." in dataset.remarks[0]
    if name not in WITHOUT_PARTS:
        official = opened(root, f"{name}[lists=official]")
        assert told(official) == {(image.grey, image.label, image.part) for image in written}
        assert "are the official ones" in official.remarks[0]
        assert official.remarks[0].endswith("by choice.")


TORCHVISION: dict[str, tuple[str, dict[str, str]]] = {
    "oxford_pets": ("OxfordIIITPet", {"train": "trainval", "test": "test"}),
    "stanford_cars": ("StanfordCars", {"train": "train", "test": "test"}),
    "flowers102": ("Flowers102", {part: part for part in ("train", "val", "test")}),
    "food101": ("Food101", {"train": "train", "test": "test"}),
    "fgvc_aircraft": ("FGVCAircraft", {part: part for part in ("train", "val", "test")}),
    "dtd": ("DTD", {part: part for part in ("train", "val", "test")}),
}


@pytest.mark.parametrize("name", sorted(TORCHVISION))
def test_torchvision_reads_the_same(root: Path, name: str, monkeypatch) -> None:
    TREES[name](root)
    published, splits = TORCHVISION[name]
    cls = getattr(torchvision("datasets"), published)
    if name == "flowers102":  # it compares the files with checksums of the real ones
        monkeypatch.setattr(cls, "_check_integrity", lambda self: True)
    expected = set()
    for part, split in splits.items():
        theirs = cls(str(root), split=split)
        for image, label in (theirs[place] for place in range(len(theirs))):
            grey = image.getpixel((0, 0))[0]
            expected.add((grey, in_words(theirs.classes[label]), part))
    assert told(opened(root, name)) == expected


def test_an_archive_is_read_as_well(root: Path) -> None:
    written = TREES["food101"](root)
    with tarfile.open(root / "food-101.tar.gz", "w:gz") as packing:
        packing.add(root / "food-101", "food-101")
    (root / "food-101").rename(root.parent / "unpacked")
    expected = {(image.grey, image.label, image.part) for image in written}
    assert told(opened(root, "food101")) == expected


def test_what_is_missing_or_in_no_list_is_counted(root: Path) -> None:
    TREES["dtd"](root)
    images = root / "dtd" / "dtd" / "images" / "banded"
    (images / "banded_0000.jpg").rename(images / "banded_9999.jpg")
    dataset = opened(root, "dtd")
    assert len(dataset.labels) == 7
    assert dataset.unreadable == ["banded/banded_0000.jpg"]
    said = "1 image is in no list and left out: dtd/images/banded/banded_9999.jpg."
    assert said in dataset.remarks


@pytest.mark.parametrize(
    ("text", "damage", "says"),
    [
        ("dtd", "", r"dtd is not here; put its files below the data root as dtd/"),
        ("dtd[lists=coop]", "none", r"split_zhou_DescribableTextures.json is not in .*dtd; put it"),
        ("dtd", "labels/test1.txt", "has no labels/test1.txt; copy or download it again"),
        ("food101", "meta/train.json", "meta/train.json in .* is not as it was published"),
        ("flowers102", "setid.mat", "setid.mat in .* is not as it was published"),
        ("ucf101", "trainlist01.txt", "trainlist01.txt in .* is not as it was published"),
    ],
)
def test_what_cannot_be_read_is_said(root: Path, text: str, damage: str, says: str) -> None:
    if damage:
        TREES[text.partition("[")[0]](root)
        for file in root.rglob(f"*{Path(damage).name}"):
            file.unlink()
            if text != "dtd":
                file.write_text("no list")
    with one_sentence(says):
        opened(root, text)


def test_labels_beyond_the_names_are_refused(root: Path) -> None:
    TREES["flowers102"](root)
    savemat(root / "flowers-102" / "imagelabels.mat", {"labels": [103] * 8})
    with one_sentence("the lists in .*flowers-102 do not fit each other"):
        opened(root, "flowers102")


@pytest.mark.parametrize("content", ["[]", "{}", '{"all": []}', '{"train": [["a"]]}', "no json"])
def test_another_file_of_coops_name_is_refused(root: Path, content: str) -> None:
    TREES["dtd"](root)
    (root / COOP["dtd"]).write_text(content)
    with one_sentence("split_zhou_DescribableTextures.json of .* is not as it was published"):
        opened(root, "dtd")


def test_the_command_line_draws_from_them(root: Path, tmp_path: Path) -> None:
    TREES["dtd"](root)
    task = ("--dataset", "dtd[size=8]", "--data-root", root, "--sampler", "kshot", "--shot", 2)
    methods = ("--methods", "knn[backbone=pixels]", "--no-audit", "--out", tmp_path / "out")
    assert "± draws" in succeeded("run", *task, *methods).stdout


def test_pictures_at_their_own_size_keep_their_parts(root: Path) -> None:
    TREES["dtd"](root)
    spec = create_dataset("dtd[size=native]")
    native = open_dataset(spec, Places(root, root.parent / "cache"))
    square = opened(root, "dtd")
    assert native.image_shape == (0, 0, 3)
    assert native.pixels.content(0) in [file.read_bytes() for file in root.rglob("*.jpg")]
    assert native.parts is not None
    assert square.parts is not None
    assert native.parts.tolist() == square.parts.tolist()
    assert (native.thumbnails[:, 0, 0] == square.pixels[:, 0, 0]).all()
