"""Images of one's own: layouts, splits, colours, and files that cannot be read."""

import itertools
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.opened import greys, split_ids, split_names, split_sizes
from support.sentences import one_sentence

from benchbench.datasets.base import OpenDataset
from benchbench.datasets.folder import Folder
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.system.places import Places

Classes = Mapping[str, list[int]]
"""The greys of the images of each class."""


def write_images(root: Path, classes: Classes, mode: str = "L", side: int = 5) -> Path:
    for name, values in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index, grey in enumerate(values):
            image = Image.new("L", (side, side), grey).convert(mode)
            image.save(root / name / f"{index}.png")
    return root


def write_classes(root: Path, count: int) -> Path:
    return write_images(root, {f"class{index:02}": [index] for index in range(count)})


def pack(root: Path, layout: str) -> Path:
    """The folder itself, or a zip file of it."""
    return root if layout == "folder" else Path(shutil.make_archive(str(root), "zip", root))


def open_folder(path: Path, size: int = 4, **parameters: Any) -> OpenDataset:
    """Open it with a cache beside it."""
    places = Places(path.parent / "no data", path.parent / "cache")
    return open_dataset(Folder(str(path), size=size, **parameters), places)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


LAYOUTS = pytest.mark.parametrize("layout", ["folder", "zip"])


@LAYOUTS
def test_a_folder_per_class(root: Path, layout: str) -> None:
    write_images(root, {"dog": [10, 20], "cat": [30], "emu": [40, 50, 60]})
    (root / "empty").mkdir()
    (root / "cat" / "notes.txt").write_text("no image")
    Image.new("L", (5, 5)).save(root / "belongs to no class.png")
    dataset = open_folder(pack(root, layout))
    assert dataset.class_names == ["cat", "dog", "emu"]
    assert dataset.labels.tolist() == [0, 1, 1, 2, 2, 2]
    assert greys(dataset) == [30, 10, 20, 40, 50, 60]
    assert dataset.image_shape == (4, 4, 1)
    assert dataset.hierarchy is None
    assert dataset.unreadable == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["cat", "dog"], True),
        (["train/cat", "test/17"], True),
        (["00", "01"], False),
        (["n01532829", "val/n01558993"], False),
        (["猫", "犬"], True),
    ],
)
def test_numbers_and_identifiers_are_no_names(names: list[str], words: bool) -> None:
    assert Folder("somewhere").names_are_words(names) is words


@LAYOUTS
def test_folders_in_folders_are_a_hierarchy(root: Path, layout: str) -> None:
    write_images(root, {"pets/cat": [1], "pets/dog": [2], "rock": [3], "wild/birds/emu": [4]})
    dataset = open_folder(pack(root, layout))
    assert dataset.class_names == ["pets/cat", "pets/dog", "rock", "wild/birds/emu"]
    assert dataset.hierarchy == [("pets",), ("pets",), (), ("wild", "birds")]


def test_folder_and_zip_are_the_same_data_set(root: Path) -> None:
    write_images(root, {"a": [1, 2], "b": [3]})
    assert open_folder(root).fingerprint == open_folder(pack(root, "zip")).fingerprint


def test_the_name_holds_the_path(root: Path) -> None:
    write_images(root, {"a": [1]})
    assert open_folder(root, size=84).name == f"folder:{root}"
    assert open_folder(root, size=8).name == f"folder:{root}[size=8]"


def test_a_relative_path_is_looked_for_here_then_below_the_data_root(tmp_path, monkeypatch) -> None:
    places = Places(tmp_path / "data", tmp_path / "cache")
    write_images(tmp_path / "data" / "mine", {"there": [1]})
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert open_dataset(Folder("mine"), places).class_names == ["there"]
    write_images(tmp_path / "work" / "mine", {"here": [1]})
    assert open_dataset(Folder("mine"), places).class_names == ["here"]


def test_the_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_images(tmp_path / "mine", {"a": [1]})
    assert Folder("~/mine").sources(Places(tmp_path, tmp_path)) == [tmp_path / "mine"]


SPLITS = {"train": ["a", "d"], "val": ["b"], "test": ["c"]}


def with_splits(root: Path, splits: object) -> Path:
    """Classes a, b, c, d and a `splits.json`."""
    write_images(root, {"a": [1], "b": [2], "c": [3], "d": [4]})
    text = splits if isinstance(splits, str) else json.dumps(splits)
    (root / "splits.json").write_text(text)
    return root


@LAYOUTS
@pytest.mark.parametrize("split", ["auto", "file"])
def test_splits_by_file(root: Path, layout: str, split: Any) -> None:
    path = pack(with_splits(root, SPLITS), layout)
    assert split_names(open_folder(path, split=split)) == SPLITS


def test_a_class_that_no_split_lists_is_in_none(root: Path) -> None:
    dataset = open_folder(with_splits(root, {"train": ["a"], "test": ["c"]}))
    assert split_names(dataset) == {"train": ["a"], "val": [], "test": ["c"]}
    assert len(dataset.class_names) == 4


def test_an_altered_splits_file_counts_at_once(root: Path) -> None:
    open_folder(with_splits(root, SPLITS))
    altered = {"train": ["c"], "val": [], "test": ["a", "b", "d"]}
    assert split_names(open_folder(with_splits(root, altered))) == altered


@pytest.mark.parametrize(
    "splits",
    ["{", "\x00", "[]", "7", {"train": "abc"}, {"train": 5}, {"train": None}],
    ids=["cut", "binary", "list", "number", "name for list", "number for list", "null"],
)
def test_a_malformed_splits_file_is_one_sentence(root: Path, splits: object) -> None:
    with one_sentence(rf"^splits\.json in {root} is not of the form \{{"):
        open_folder(with_splits(root, splits))


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"train": ["a", "x"]}, "not in the data set, such as 'x'"),
        ({"train": ["a"], "dev": ["b"]}, "'dev' is not a split; the splits are train, val, test"),
        ({"train": ["a", "b"], "test": ["b"]}, "class 'b' is in both 'train' and 'test'"),
    ],
    ids=["unknown class", "unknown split", "two splits"],
)
def test_a_splits_file_that_cannot_be(root: Path, splits: object, says: str) -> None:
    with one_sentence(says):
        open_folder(with_splits(root, splits))


def test_a_splits_file_that_is_asked_for_must_be_there(root: Path) -> None:
    write_images(root, {"a": [1]})
    with one_sentence(rf"^{root} has no splits\.json at its top\.$"):
        open_folder(root, split="file")


@LAYOUTS
@pytest.mark.parametrize("split", ["auto", "folders"])
def test_splits_by_folder(root: Path, layout: str, split: Any) -> None:
    write_images(root, {"train/a": [1], "train/b": [2], "test/c": [3], "val/d": [4]})
    found = split_names(open_folder(pack(root, layout), split=split))
    assert found == {"train": ["train/a", "train/b"], "val": ["val/d"], "test": ["test/c"]}


def test_classes_beside_the_split_folders(root: Path) -> None:
    write_images(root, {"train/a": [1], "test/b": [2], "training/c": [3]})
    by_folder = split_names(open_folder(root, split="folders"))
    assert by_folder == {"train": ["train/a"], "val": [], "test": ["test/b"]}
    dealt = split_names(open_folder(root, split="auto"))
    assert sorted(itertools.chain(*dealt.values())) == ["test/b", "train/a", "training/c"]


def test_a_seeded_split_may_be_asked_for(root: Path) -> None:
    with_splits(root, SPLITS)
    assert sum(len(ids) for ids in open_folder(root, split="seed", val=0).splits.values()) == 4
    assert split_names(open_folder(root, split="seed", test=1, val=0))["test"] == list("abcd")


@pytest.mark.parametrize(
    ("classes", "shares", "sizes"),
    [
        (100, (0.15, 0.3), (55, 15, 30)),
        (20, (0.15, 0.3), (11, 3, 6)),
        (10, (0.15, 0.3), (3, 2, 5)),
        (12, (0.15, 0.3), (5, 2, 5)),
        (6, (0.15, 0.3), (2, 1, 3)),
        (1, (0.15, 0.3), (0, 0, 1)),
        (10, (0.0, 0.1), (5, 0, 5)),
        (10, (0.2, 0.0), (8, 2, 0)),
        (10, (0.0, 1.0), (0, 0, 10)),
    ],
)
def test_the_sizes_of_a_seeded_split(root: Path, classes: int, shares, sizes) -> None:
    dataset = open_folder(write_classes(root, classes), val=shares[0], test=shares[1])
    assert list(dataset.splits) == ["train", "val", "test"]
    assert split_sizes(dataset) == sizes
    assert sorted(np.concatenate(list(dataset.splits.values()))) == list(range(classes))


def test_a_seeded_split_is_the_same_everywhere_and_hangs_on_the_seed(root: Path) -> None:
    write_classes(root, 10)
    raw = np.random.Philox(key=0).random_raw(10).tolist()
    order = sorted(range(10), key=raw.__getitem__)
    parts = [order[:3], order[3:5], order[5:]]
    assert split_ids(open_folder(root)) == [sorted(ids) for ids in parts]
    tests = {tuple(open_folder(root, seed=seed).splits["test"]) for seed in range(5)}
    assert len(tests) == 5


def spoil(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_text("just text")


@LAYOUTS
def test_unreadable_files_are_named_and_left_out(root, layout, capsys) -> None:
    write_images(root, {"a": [10, 20, 30], "b": [40, 50]})
    spoil(root, "a/1.png", "b/0.png")
    dataset = open_folder(pack(root, layout))
    assert greys(dataset) == [10, 30, 50]
    assert dataset.labels.tolist() == [0, 0, 1]
    assert dataset.unreadable == ["a/1.png", "b/0.png"]
    message = "folder: left out 2 unreadable file(s): a/1.png, b/0.png\n"
    assert capsys.readouterr() == ("", message)


def test_a_class_without_a_readable_file_is_left_out(root: Path) -> None:
    write_images(root, {"a": [10], "b": [40, 50], "c": [60]})
    spoil(root, "b/0.png", "b/1.png")
    dataset = open_folder(root)
    assert dataset.class_names == ["a", "c"]
    assert greys(dataset) == [10, 60]
    assert dataset.unreadable == ["b/0.png", "b/1.png"]


def test_a_file_that_may_not_be_read_is_left_out(root, monkeypatch) -> None:
    read_bytes = Path.read_bytes

    def refuse_one(path: Path) -> bytes:
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    write_images(root, {"a": [10, 20, 30]})
    monkeypatch.setattr(Path, "read_bytes", refuse_one)
    dataset = open_folder(root)
    assert greys(dataset) == [10, 30]
    assert dataset.unreadable == ["a/1.png"]


def test_only_unreadable_files(root: Path) -> None:
    write_images(root, {"a": [10, 20]})
    spoil(root, "a/0.png", "a/1.png")
    with one_sentence(r"^folder: no readable image was found\.$"):
        open_folder(root)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("empty", r"{path} .*needs one folder per class\.$"),
        ("flat", r"{path} .*needs one folder per class\.$"),
        ("nowhere", r"There is no folder or zip file {path}\.$"),
        ("images.png", "{path} is neither a folder nor a"),
        ("images.zip", "{path} is neither a folder nor a"),
    ],
)
def test_a_path_without_class_folders(tmp_path: Path, path: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "flat").mkdir()
    Image.new("L", (5, 5)).save(tmp_path / "flat" / "0.png")
    for text in ("images.png", "images.zip"):
        (tmp_path / text).write_text("just text")
    with one_sentence(f"^{says.format(path=tmp_path / path)}"):
        open_folder(tmp_path / path)


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_images_have_one_channel(root: Path, mode: str) -> None:
    dataset = open_folder(write_images(root, {"a": [0, 255]}, mode))
    assert dataset.image_shape == (4, 4, 1)
    assert greys(dataset) == [0, 255]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_one_coloured_image_gives_all_three_channels(root: Path, mode: str) -> None:
    write_images(root, {"a": [10, 20]})
    red = Image.new("RGB", (5, 5), (255, 0, 0)).convert(mode)
    red.save(root / "a" / ("9.tif" if mode == "CMYK" else "9.png"))
    dataset = open_folder(root)
    assert dataset.pixels[:, 0, 0].tolist() == [[10, 10, 10], [20, 20, 20], [255, 0, 0]]


def test_an_unreadable_file_does_not_decide_on_colour(root: Path) -> None:
    write_images(root, {"a": [10, 20]})
    spoil(root, "a/0.png")
    assert open_folder(root).image_shape == (4, 4, 1)


def test_colours_may_be_prescribed(root: Path) -> None:
    write_images(root, {"a": [10]})
    Image.new("RGB", (5, 5), (0, 255, 0)).save(root / "a" / "1.png")
    assert open_folder(root, colour="grey").pixels[:, 0, 0].tolist() == [[10], [150]]
    assert open_folder(root, colour="rgb").pixels[:, 0, 0].tolist() == [[10] * 3, [0, 255, 0]]


def save(root: Path, *images: np.ndarray) -> None:
    (root / "a").mkdir(parents=True)
    for index, pixels in enumerate(images):
        Image.fromarray(pixels).save(root / "a" / f"{index}.png")


def test_sixteen_bit_greys_keep_their_range(root: Path) -> None:
    save(root, *(np.full((5, 5), value, np.uint16) for value in (0, 16384, 32768, 65535)))
    assert greys(open_folder(root)) == pytest.approx([0, 64, 128, 255], abs=1)


def test_images_are_resized_to_a_square(root: Path) -> None:
    halves = np.repeat([[0, 100]], 8, axis=0).repeat(8, axis=1).astype(np.uint8)
    save(root, halves)
    assert open_folder(root, size=4).pixels[0, :, :, 0].tolist() == [[0, 13, 88, 100]] * 4
    assert open_folder(root, size=1).pixels[:].tolist() == [[[[50]]]]


@pytest.mark.parametrize("size", [1, 7])
def test_an_image_of_one_pixel(root: Path, size: int) -> None:
    dataset = open_folder(write_images(root, {"a": [77]}, side=1), size=size)
    assert dataset.image_shape == (size, size, 1)
    assert greys(dataset) == [77]


def test_an_image_of_the_right_size_keeps_its_pixels(root: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    save(root, pixels)
    np.testing.assert_array_equal(open_folder(root, size=9).pixels[0], pixels)


@LAYOUTS
def test_a_changed_file_is_decoded_anew(root: Path, layout: str) -> None:
    write_images(root, {"a": [10, 20]})
    before = open_folder(pack(root, layout))
    write_images(root, {"a": [10, 99]})
    path = pack(root, layout)
    os.utime(root / "a" / "1.png", ns=(1, 1))
    os.utime(path, ns=(1, 1))
    after = open_folder(path)
    assert greys(after) == [10, 99]
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("folder", "'folder' needs its path: folder:PATH"),
        ("folder:somewhere[size=0]", "size must be at least 1 pixel"),
        ("folder:somewhere[val=-0.1]", "val must be at least 0 and at most 1"),
        ("folder:somewhere[test=-0.1]", "test must be at least 0 and at most 1"),
        ("folder:somewhere[val=0.6,test=0.5]", "together at most 1"),
        ("folder:somewhere[seed=-1]", "seed must be at least 0"),
        ("folder:somewhere[colour=blue]", "one of auto, grey, rgb"),
        ("folder:somewhere[split=half]", "one of auto, file, folders, seed"),
    ],
)
def test_specs_that_cannot_be(spec: str, says: str) -> None:
    with one_sentence(says):
        create_dataset(spec)


@pytest.mark.parametrize(
    ("name", "classes", "images"),
    [("textures", 10, 1200), ("traffic_signs", 43, 3990)],
)
def test_real_archives(places: Places, name: str, classes: int, images: int) -> None:
    dataset = open_dataset(create_dataset(f"folder:folders/{name}.zip[size=16]"), places)
    assert len(dataset.class_names) == classes
    assert dataset.pixels.shape == (images, 16, 16, 3)
    assert dataset.unreadable == []
    assert len(dataset.splits["test"]) >= 5


def test_a_class_below_two_split_folders_is_refused(root: Path) -> None:
    write_images(root, {"train/cat": [0, 9], "train/dog": [1, 10], "test/cat": [2, 11]})
    with one_sentence("'cat' is below both train/ and test/"):
        open_folder(root)


def test_a_folder_around_everything_is_no_part_of_the_classes(root: Path) -> None:
    write_images(root / "wrapped" / "twice", {"train/a": [0], "val/b": [1], "test/c": [2]})
    dataset = open_folder(root)
    assert dataset.class_names == ["test/c", "train/a", "val/b"]
    assert split_names(dataset) == {"train": ["train/a"], "val": ["val/b"], "test": ["test/c"]}


def test_a_single_class_keeps_its_name(root: Path) -> None:
    write_images(root / "wrapped", {"cat": [1, 2]})
    assert open_folder(root).class_names == ["cat"]
