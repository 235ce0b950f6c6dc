"""CUB: small copies of the published folder and archive."""

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.opened import open_from, split_ids
from support.sentences import one_sentence

from benchbench.datasets import cub, cub_splits
from benchbench.datasets.cub import Cub
from benchbench.datasets.open_dataset import OpenDataset

DEAL = {
    "train": ["001.Black_footed_Albatross", "003.Sooty_Albatross"],
    "val": ["002.Laysan_Albatross"],
    "test": ["004.Groove_billed_Ani"],
}
FOLDERS = sorted(name for names in DEAL.values() for name in names)
BOX = (10.4, 4.6, 20.0, 12.0)
"""As in bounding_boxes.txt: left, top, width, height."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root for lists of four classes of two images."""
    monkeypatch.setattr(cub_splits, "read_json", lambda folder: DEAL)
    monkeypatch.setattr(cub, "image_counts", lambda of: dict.fromkeys(FOLDERS, 2))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def picture(folder: str, number: int) -> Image.Image:
    noise = np.random.default_rng([int(folder[:3]), number]).integers(0, 256, (31, 47, 3), np.uint8)
    return Image.fromarray(noise)


def make(root: Path) -> Path:
    top = root / "CUB_200_2011"
    names, boxes = [], []
    for folder in FOLDERS:
        (top / "images" / folder).mkdir(parents=True)
        (top / "segmentations" / folder).mkdir(parents=True)
        for number in range(2):
            file = f"{folder}/bird_{number}.png"
            picture(folder, number).save(top / "images" / file)
            Image.new("L", (47, 31)).save(top / "segmentations" / file)
            names.append(f"{len(names) + 1} {file}")
            boxes.append(" ".join(map(str, (len(names), *BOX))))
    (top / "images.txt").write_text("\n".join(names) + "\n")
    (top / "bounding_boxes.txt").write_text("\n".join(boxes) + "\n")
    return top


def make_archive(root: Path) -> Path:
    top = make(root)
    (root / "attributes.txt").write_text("1 has_bill_shape::curved\n")
    with tarfile.open(root / "CUB_200_2011.tgz", "w:gz") as archive:
        archive.add(root / "attributes.txt", "attributes.txt")
        archive.add(top, top.name)
    shutil.rmtree(top)
    return root / "CUB_200_2011.tgz"


def check(dataset: OpenDataset, crop: tuple[int, int, int, int] | None = None) -> None:
    assert dataset.class_names == [folder[4:].replace("_", " ") for folder in FOLDERS]
    assert dataset.names_are_words
    assert dataset.hierarchy is None
    assert split_ids(dataset) == [[0, 2], [1], [3]]
    pictures = [picture(folder, number) for folder in FOLDERS for number in range(2)]
    for pixels, image in zip(dataset.pixels, pictures, strict=True):
        expected = (image.crop(crop) if crop else image).resize((84, 84), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(pixels, np.asarray(expected))
    assert Cub().expected_counts() == dict.fromkeys(dataset.class_names, 2)


@pytest.mark.parametrize("layout", [make, make_archive])
def test_layouts(root: Path, tmp_path: Path, layout: Any) -> None:
    layout(root)
    check(open_from(root, Cub()))
    (tmp_path / "elsewhere").mkdir()
    check(open_from(root, Cub(), layout(tmp_path / "elsewhere")))


@pytest.mark.parametrize("layout", [make, make_archive])
def test_crops_are_the_boxes(root: Path, layout: Any) -> None:
    layout(root)
    whole, cropped = open_from(root, Cub()), open_from(root, Cub(crop=True))
    check(cropped, (10, 5, 30, 17))
    assert cropped.name == "cub[crop=true]"
    assert cropped.fingerprint != whole.fingerprint


@pytest.mark.parametrize("content", [None, "1 2 3\n", "99 1 2 3 4\n", "1 a b c d\n", "1 5 5 0 9\n"])
def test_boxes_that_do_not_fit(root: Path, content: str | None) -> None:
    file = make(root) / "bounding_boxes.txt"
    file.unlink() if content is None else file.write_text(content)
    with one_sentence(r"has no images\.txt and bounding_boxes\.txt that fit; copy or .*crop=true"):
        open_from(root, Cub(crop=True))
    check(open_from(root, Cub()))


def lack_a_box(root: Path) -> None:
    file = make(root) / "bounding_boxes.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:-1]))


def lack_a_class(root: Path) -> None:
    shutil.rmtree(make(root) / "images" / "003.Sooty_Albatross")


def cut_the_archive(root: Path) -> None:
    file = make_archive(root)
    file.write_bytes(file.read_bytes()[: -file.stat().st_size // 2])


def lack_everything(root: Path) -> None:
    assert not list(root.iterdir())


@pytest.mark.parametrize(
    ("damage", "crop", "sentence"),
    [
        (lack_a_box, True, r"has no box of 004\.Groove_billed_Ani/bird_1\.png; copy or download"),
        (lack_a_class, False, r"lacks 1 of the 4 classes of cub, such as '003\.Sooty_Albatross';"),
        (cut_the_archive, False, r"CUB_200_2011\.tgz is .*; copy or download it again\.$"),
        (lack_everything, False, r"^CUB_200_2011\.tgz is not under the data root: get it from htt"),
    ],
)
def test_what_cannot_be_read(root: Path, damage, crop: bool, sentence: str) -> None:
    damage(root)
    with one_sentence(sentence):
        open_from(root, Cub(crop=crop))


def test_the_archive_may_hold_the_folders_alone(root: Path) -> None:
    with tarfile.open(root / "cub.tar", "w") as archive:
        for folder in FOLDERS:
            for number in range(2):
                data = io.BytesIO()
                picture(folder, number).save(data, "png")
                info = tarfile.TarInfo(f"{folder}/{number}.png")
                info.size = data.tell()
                data.seek(0)
                archive.addfile(info, data)
    check(open_from(root, Cub()))


def test_pictures_at_their_own_size_are_the_files(root: Path) -> None:
    top = make(root)
    dataset = open_from(root, Cub(size="native"))
    files = [top / "images" / folder / f"bird_{n}.png" for folder in FOLDERS for n in range(2)]
    assert dataset.image_shape == (0, 0, 3)
    assert [dataset.pixels.content(n) for n in range(8)] == [file.read_bytes() for file in files]
    with pytest.raises(ValueError, match="leave it out, or give size=N"):
        Cub(size="native", crop=True)


def with_attributes(root: Path, layout: str) -> Path:
    """The files of attributes as published: their names beside the folder of everything else."""
    top = make(root)
    (top / "attributes").mkdir()
    (top / "classes.txt").write_text("".join(f"{int(f[:3])} {f}\n" for f in FOLDERS))
    rows = [[10.0 * number, 12.5, 0.0] for number in range(4)]
    text = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    (top / "attributes" / "class_attribute_labels_continuous.txt").write_text(text)
    names = ["has_bill_shape::curved", "has_wing_color::blue", "has_size::large"]
    listed = "".join(f"{number} {name}\n" for number, name in enumerate(names, 1))
    (root / "attributes.txt").write_text(listed)
    if layout == "folder":
        return top
    with tarfile.open(root / "CUB_200_2011.tgz", "w:gz") as archive:
        archive.add(root / "attributes.txt", "attributes.txt")
        archive.add(top, top.name)
    shutil.rmtree(top)
    return root / "CUB_200_2011.tgz"


@pytest.mark.parametrize("layout", ["folder", "archive"])
def test_attributes_are_shares_in_the_order_of_the_classes(root: Path, layout: str) -> None:
    make(root)
    plain = open_from(root, Cub())
    shutil.rmtree(root / "CUB_200_2011")
    with_attributes(root, layout)
    dataset = open_from(root, Cub())
    check(dataset)
    assert plain.attributes is None
    assert dataset.fingerprint == plain.fingerprint
    assert dataset.attributes is not None
    expected = [[0, 0.125, 0], [0.1, 0.125, 0], [0.2, 0.125, 0], [0.3, 0.125, 0]]
    np.testing.assert_allclose(dataset.attributes.values, expected, rtol=1e-6)
    named = dataset.attributes.names
    # A copy of the folder alone lacks the file of names, which is beside it.
    assert named == (("1", "2", "3") if layout == "folder" else named)
    assert layout == "folder" or named[0] == "has_bill_shape::curved"


def test_attributes_that_do_not_fit(root: Path) -> None:
    top = with_attributes(root, "folder")
    (top / "classes.txt").write_text("1 001.Black_footed_Albatross\n")
    with one_sentence(r"no classes\.txt and attributes\.txt that fit .*; copy or download"):
        open_from(root, Cub())


LISTS = {
    "trainclasses1.txt": ["004.Groove_billed_Ani"],
    "valclasses1.txt": ["003.Sooty_Albatross"],
    "testclasses.txt": ["001.Black_footed_Albatross", "002.Laysan_Albatross"],
}


def proposed(folder: Path, **changed: list[str]) -> Path:
    """Lists of the published proposed split, in its layout."""
    folder.mkdir()
    for name, classes in {**LISTS, **{f"{key}.txt": v for key, v in changed.items()}}.items():
        (folder / name).write_text("".join(f"{each}\n" for each in classes))
    return folder


def test_the_proposed_split_is_of_the_same_images(root: Path, tmp_path: Path) -> None:
    """Of the archive, with the attributes that are in it."""
    with_attributes(root, "archive")
    usual = open_from(root, Cub())
    lists = str(proposed(tmp_path / "xlsa17"))
    found = open_from(root, Cub(split=lists))
    assert found.name == f"cub[split={lists}]"
    assert split_ids(found) == [[3], [2], [0, 1]]
    assert found.fingerprint == usual.fingerprint
    assert found.splits_sha256 != usual.splits_sha256
    assert found.attributes is not None
    assert usual.attributes is not None
    assert found.attributes.sha256 == usual.attributes.sha256
    assert split_ids(open_from(root, Cub(split=lists, merge_val=True))) == [[2, 3], [], [0, 1]]
    assert split_ids(open_from(root, Cub(merge_val=True))) == [[0, 1, 2], [], [3]]
    assert Cub(split=lists).pixel_parameters() == Cub().pixel_parameters()


def test_classes_in_no_list_are_left_out_with_their_number(root: Path, tmp_path: Path) -> None:
    make(root)
    lists = proposed(tmp_path / "lists", valclasses1=[])
    found = open_from(root, Cub(split=str(lists)))
    assert split_ids(found) == [[3], [], [0, 1]]
    assert found.remarks == [
        f"classes in no list of {lists}, left out: 1, such as 003.Sooty_Albatross"
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"valclasses1": ["003.Albatross"]},
            r"valclasses1\.txt in .* has '003\.Albatross', which is",
        ),
        ({"testclasses": ["004.Groove_billed_Ani"]}, r"testclasses\.txt .* trainclasses1\.txt has"),
    ],
)
def test_lists_that_do_not_fit(root: Path, tmp_path: Path, changed, sentence: str) -> None:
    make(root)
    with one_sentence(sentence):
        open_from(root, Cub(split=str(proposed(tmp_path / "lists", **changed))))


def test_a_folder_without_lists_is_told_at_once(tmp_path: Path) -> None:
    with one_sentence(r"split=.* is no folder with .* \(there is no trainclasses1\.txt\)"):
        Cub(split=str(tmp_path))
