"""Images of one's own: layouts, splits, colours, and files that cannot be read."""

import itertools
import json
import os
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.folders import open_folder, write_images
from support.opened import greys, greys_by_class, split_ids, split_names, split_sizes
from support.sentences import one_sentence

from benchbench.datasets.folder import Folder
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.system.places import Places


def write_classes(root: Path, count: int) -> Path:
    return write_images(root, {f"class{index:02}": [index] for index in range(count)})


def pack(root: Path, layout: str) -> Path:
    """The folder itself, or a zip file of it."""
    return root if layout == "folder" else Path(shutil.make_archive(str(root), "zip", root))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


not_on_windows = pytest.mark.skipif(os.name == "nt", reason="Windows has other names and links")

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
    [
        *("{", "\x00", "[]", "7", "[" * 10**5),
        *({"train": "abc"}, {"train": 5}, {"train": None}, {"train": [["a/0.png", 0, "a"]]}),
    ],
    ids=[
        *("cut", "binary", "list", "number", "deep"),
        *("name for list", "number for list", "null", "list of files"),
    ],
)
def test_a_malformed_splits_file_is_one_sentence(root: Path, splits: object) -> None:
    with one_sentence(rf"^splits\.json in {root} is not of the form \{{"):
        open_folder(with_splits(root, splits))


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"train": ["a", "x"]}, "not in the data set, such as 'x'"),
        (
            {"train": ["a"], "query": ["b"]},
            "'query' is not a split; the splits are train, val, test",
        ),
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
    write_images(root, {"train/a": [1], "test/b": [2], "more/c": [3], "more/d": [4]})
    with one_sentence("2 classes lie beside the split folders: more/c, more/d; move them"):
        open_folder(root)
    left_out = open_folder(root, split="folders")
    assert split_names(left_out) == {"train": ["train/a"], "val": [], "test": ["test/b"]}
    assert left_out.remarks == [
        "2 classes lie beside the split folders and in no split: more/c, more/d."
    ]
    with one_sentence("2 classes lie beside the split folders"):  # its images are decoded
        open_folder(root)
    dealt = split_names(open_folder(root, split="seed"))
    assert sorted(itertools.chain(*dealt.values())) == ["more/c", "more/d", "test/b", "train/a"]


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
    write_images(root, {"a": [10, 20, 30], "b": [40, 50], "c": [60], "d": [70]})
    spoil(root, "a/1.png", "b/0.png")
    dataset = open_folder(pack(root, layout))
    assert greys(dataset) == [10, 30, 50, 60, 70]
    assert dataset.labels.tolist() == [0, 0, 1, 2, 3]
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
    assert dataset.remarks[0] == "1 class has no readable image and is missing: b."


def test_a_split_whose_classes_are_unreadable_is_no_random_split(root: Path) -> None:
    write_images(root, {"train/a": [10], "train/b": [40], "train/c": [50], "test/d": [60]})
    spoil(root, "test/d/0.png")
    with one_sentence(r"train/ is the only split folder with images that can be read; mend .*seed"):
        open_folder(root)
    said = "1 class has no readable image and is missing: test/d."
    assert open_folder(root, split="seed").remarks[0] == said


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
        ("flat", r"{path} .*one folder per class \(1 image in no class folder, left out\)\.$"),
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


@LAYOUTS
def test_split_folders_of_the_same_classes_are_parts_of_their_images(root, layout) -> None:
    write_images(root, {"Train/cat": [0, 9], "Train/dog": [1], "Train/emu": [2], "Train/fox": [3]})
    write_images(root, {"valid/cat": [4], "valid/emu": [5], "TEST/cat": [6, 7], "TEST/Dog": [8]})
    path = pack(root, layout)
    dataset = open_folder(path)
    assert greys_by_class(dataset) == {
        "cat": [0, 9, 4, 6, 7],
        "dog": [1, 8],
        "emu": [2, 5],
        "fox": [3],
    }
    assert split_sizes(dataset) == (1, 1, 2)
    assert dataset.parts is not None
    assert dataset.parts[dataset.labels == dataset.class_names.index("cat")].tolist() == [
        *("train", "train", "val", "test", "test")
    ]
    assert dataset.remarks == [
        "Split folders with images of the same 4 classes (5 in Train/, 2 in valid/, 3 in TEST/): "
        "the images of each class were put together."
    ]
    with one_sentence(r"has no split folders, .* of which each has classes of its own\.$"):
        open_folder(path, split="folders")


def test_a_class_split_of_other_words_is_used(root: Path) -> None:
    write_images(root, {"train/a": [1], "validation/b": [2], "Test set/c": [3], "Test set/d": [4]})
    dataset = open_folder(root)
    assert split_names(dataset) == {
        "train": ["train/a"],
        "val": ["validation/b"],
        "test": ["Test set/c", "Test set/d"],
    }
    assert dataset.remarks == [
        "2 split folders are read by meaning: Test set/ as test, validation/ as val."
    ]


def test_what_does_not_fit_is_refused_with_the_place(root: Path) -> None:
    write_images(root, {"train/a": [1], "train/b": [2], "test/b": [3], "test/c": [4]})
    with one_sentence(
        rf"^{root}: Class 'b' is below train/ and test/, class 'a' below train/ alone"
    ):
        open_folder(root)


@pytest.mark.parametrize("classes", [2, 3])
def test_too_few_classes_for_a_test_are_told_with_the_cure(root: Path, classes: int) -> None:
    (remark,) = open_folder(write_classes(root, classes)).remarks
    assert remark.startswith(f"{classes} classes in all, of which one is for the test")
    assert "[val=0,test=1]" in remark
    cured = open_folder(root, val=0, test=1)
    assert (split_sizes(cured), cured.remarks) == ((0, 0, classes), [])


def test_a_name_that_recurs_in_a_list_counts_once_and_unlisted_classes_are_told(root) -> None:
    dataset = open_folder(with_splits(root, {"train": ["a", "a", "b"], "valid": [], "Test": ["c"]}))
    assert split_names(dataset) == {"train": ["a", "b"], "val": [], "test": ["c"]}
    assert dataset.remarks == [
        "1 name recurs in a list of splits.json and counts once.",
        "1 class is in no list of splits.json and left out: d.",
    ]


def test_two_lists_for_one_split_are_refused(root: Path) -> None:
    with one_sentence(rf"splits\.json in {root} has two lists for 'val', of which one is 'valid'"):
        open_folder(with_splits(root, {"val": ["a"], "valid": ["b"]}))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_list_may_compose_its_letters_otherwise(root: Path, form: Any) -> None:
    names = [unicodedata.normalize(form, name) for name in ("größe", "été", "ångström")]
    write_images(root, {name: [1] for name in names})
    other = [unicodedata.normalize("NFD" if form == "NFC" else "NFC", name) for name in names]
    (root / "splits.json").write_text(json.dumps({"train": other[:2], "test": other[2:]}))
    assert split_names(open_folder(root)) == {
        "train": sorted(names[:2]),
        "val": [],
        "test": names[2:],
    }


@pytest.mark.parametrize("place", ["", "wrapped/"])
def test_a_split_file_may_lie_in_any_folder_around_the_classes(root: Path, place: str) -> None:
    write_images(root / "wrapped" / "twice", {"a": [1], "b": [2]})
    (root / place / "splits.json").write_text(json.dumps({"train": ["a"], "test": ["b"]}))
    dataset = open_folder(root)
    assert split_names(dataset) == {"train": ["a"], "val": [], "test": ["b"]}
    assert dataset.remarks == []


@not_on_windows
def test_names_that_are_not_utf_8(root: Path) -> None:
    write_images(root, {"a": [1], "b": [2], "c": [3], "d": [4]})
    (root / "a").rename(root / os.fsdecode(b"gro\xdfe"))
    (root / "b" / "0.png").rename(root / "b" / os.fsdecode(b"\xe9t\xe9.png"))
    (root / "c" / os.fsdecode(b"\xff.png")).write_text("no image")
    (root / "d" / os.fsdecode(b"\xfe.txt\xfe")).write_text("no image")
    lists = {"train": ["b", "c"], "test": ["gro\udcdfe", "d"]}
    (root / "splits.json").write_text(json.dumps(lists))
    dataset = open_folder(root)
    assert dataset.class_names == ["b", "c", "d", r"gro\udcdfe"]
    assert split_names(dataset)["test"] == ["d", r"gro\udcdfe"]
    assert greys_by_class(dataset)[r"gro\udcdfe"] == [1]
    assert dataset.unreadable == [r"c/\udcff.png"]
    for text in (*dataset.class_names, *dataset.unreadable, *dataset.remarks):
        assert text.isprintable()


@not_on_windows
def test_a_path_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with one_sentence(r"the path .*\\udcdf is not UTF-8; name a link to it"):
        create_dataset(f"folder:{tmp_path}/\udcdf")


@not_on_windows
def test_a_rewritten_file_that_a_link_leads_to_is_decoded_anew(root: Path) -> None:
    store = write_images(root.parent / "store", {"a": [10, 20], "b": [30, 40]})
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for file in (store / name).iterdir():
            (root / name / file.name).symlink_to(file)
    before = open_folder(root)
    write_images(store, {"a": [10, 99]})
    os.utime(store / "a" / "1.png", ns=(1, 1))
    after = open_folder(root)
    assert greys(after) == [10, 99, 30, 40]
    assert before.fingerprint != after.fingerprint


@not_on_windows
def test_linked_class_folders_are_classes(root: Path) -> None:
    store = write_images(root.parent / "store", {"a": [1], "b": [2], "c": [3]})
    write_images(root, {"d": [4]})
    for name in "abc":
        (root / name).symlink_to(store / name)
    (root / "c" / "loop").symlink_to(store)
    dataset = open_folder(root)
    assert greys_by_class(dataset) == {"a": [1], "b": [2], "c": [3], "d": [4]}
    assert dataset.remarks == [
        "1 link to a folder was not followed, for what it leads to is read anyway or holds the "
        "link: c/loop/."
    ]


@not_on_windows
def test_links_that_lead_nowhere_are_unreadable(root: Path) -> None:
    write_images(root, {"a": [1], "b": [2], "c": [3], "d": [4]})
    (root / "a" / "gone.png").symlink_to(root / "nothing")
    (root / "self").symlink_to(root / "self")
    assert open_folder(root).unreadable == ["a/gone.png", "self"]


def test_folders_that_may_not_be_read_are_unreadable(root, monkeypatch) -> None:
    write_images(root, {"a": [1], "b": [2], "c": [3], "d": [4], "e": [5], "lost+found": [6]})
    forbid(monkeypatch, root / "b", root / "lost+found")
    dataset = open_folder(root)
    assert dataset.class_names == ["a", "c", "d", "e"]
    assert dataset.unreadable == ["b/"]
    said = "1 folder may not be read, any class or image inside is missing: b/."
    assert dataset.remarks == [said]


@pytest.mark.parametrize("around", ["", "set/"])
@pytest.mark.parametrize("unread", ["test", "test/d"])
def test_split_folders_that_may_not_be_read_are_refused(root, monkeypatch, around, unread) -> None:
    classes = {"train/a": [1], "train/b": [2], "train/e": [3], "test/d": [4]}
    write_images(root, {f"{around}{name}": greys for name, greys in classes.items()})
    forbid(monkeypatch, root / around / unread)
    says = r"1 split folder has no class that may be read: test/; make the files readable"
    with one_sentence(says):
        open_folder(root)
    assert open_folder(root, split="seed").class_names == ["a", "b", "e"]
    with one_sentence(says):  # what is decoded by now does not decide on it
        open_folder(root)
    (root / "splits.json").write_text('{"train": ["a"], "test": ["b", "e"]}')
    assert split_sizes(open_folder(root)) == (1, 0, 2)


def test_only_folders_that_may_not_be_read(root, monkeypatch) -> None:
    write_images(root, {"a": [1], "b": [2]})
    forbid(monkeypatch, root / "a", root / "b")
    with one_sentence(r"needs one folder per class \(2 may not be read: a/, b/\)\.$"):
        open_folder(root)
    forbid(monkeypatch, root)
    with one_sentence(rf"^The folder {root} may not be read\.$"):
        open_folder(root)


def forbid(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """As the rights would, which do not hold for root."""
    scandir, forbidden = os.scandir, set(map(str, folders))

    def refuse(path: Any) -> Any:
        if str(path) in forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


@LAYOUTS
def test_what_pillow_reads_is_read_and_the_rest_is_counted(root: Path, layout: str) -> None:
    write_images(root, {"a": [10, 20], "b": [30, 40], "c": [50], "d": [60]})
    for number, ending in enumerate(("jfif", "JPE", "jpg_large", "", "jp2", "txt")):
        encoding = "JPEG2000" if ending == "jp2" else "PNG"
        name = f"{number}.{ending}" if ending else f"{number}"
        Image.new("L", (4, 4), 100 + number).save(root / "d" / name, format=encoding)
    for name in ("notes.txt", "b/1.xml", "b/2.xml", ".hidden", "b/none", "b/Thumbs.db"):
        (root / name).write_text("no image")
    dataset = open_folder(pack(root, layout))
    assert greys_by_class(dataset)["d"] == [100, 60, 101, 102, 103, 104, 105]
    assert dataset.unreadable == []
    assert dataset.remarks == [
        "6 files are no images and were ignored: 2 .xml, 1 .db, 1 .txt, 1 hidden, "
        "1 without an ending.",
        "3 files are images by content alone: 1 .jpg_large, 1 .txt, 1 without an ending.",
    ]


def test_tables_of_before_are_decoded_anew_once(root: Path, monkeypatch) -> None:
    write_images(root, {"a": [1], "b": [2], "c": [3], "d": [4]})
    monkeypatch.setattr(Folder, "decoding", 1)
    old = open_folder(root)
    monkeypatch.undo()
    assert open_folder(root).fingerprint == old.fingerprint
    assert len(list((root.parent / "cache" / "datasets").glob("folder-*"))) == 2


def test_a_folder_around_everything_is_no_part_of_the_classes(root: Path) -> None:
    write_images(root / "wrapped" / "twice", {"train/a": [0], "val/b": [1], "test/c": [2]})
    dataset = open_folder(root)
    assert dataset.class_names == ["test/c", "train/a", "val/b"]
    assert split_names(dataset) == {"train": ["train/a"], "val": ["val/b"], "test": ["test/c"]}


def test_a_single_class_keeps_its_name(root: Path) -> None:
    write_images(root / "wrapped", {"cat": [1, 2]})
    assert open_folder(root).class_names == ["cat"]
