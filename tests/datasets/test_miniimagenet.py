"""miniImageNet: small copies in every published layout, and a small ILSVRC."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.opened import open_from
from support.pickles import Call, python2_pickle
from support.sentences import one_sentence

from benchbench.datasets import miniimagenet
from benchbench.datasets.base import SPLITS
from benchbench.datasets.miniimagenet import MiniImageNet
from benchbench.datasets.open_dataset import OpenDataset

TRAIN_IMAGES = 12
"""Of each class of the small ILSVRC, of which the lists name three."""

RAVI = {
    "train": {"n00000002": (5, 3, 12), "n00000001": (1, 2, 3)},
    "val": {"n00000003": (4, 5, 6)},
    "test": {"n00000005": (7, 9, 8), "n00000004": (10, 11, 12)},
}
VINYALS = {
    "train": {"n00000005": (1, 2, 3), "n00000006": (4, 1, 2)},
    "val": {"n00000007": (3, 4, 5)},
    "test": {"n00000008": (12, 2, 1)},
}
ORDER = ["n00000001", "n00000002", "n00000003", "n00000004", "n00000005"]
NUMBERS = [7, 80, 9, 100, 11, 12, 1300, 14, 15, 1600, 17, 18]
"""The numbers in ILSVRC's file names, whose order as text is another."""


def ilsvrc_name(name: str, position: int) -> str:
    return f"{name}_{sorted(NUMBERS)[position - 1]}"


def lists(how: str, split: str) -> dict[str, list[str]]:
    if how == "vinyals":
        return {
            name: [f"{ilsvrc_name(name, position)}.JPEG" for position in positions]
            for name, positions in VINYALS[split].items()
        }
    return {
        name: [f"{name}{position:08}.jpg" for position in positions]
        for name, positions in RAVI[split].items()
    }


def picture(name: str, position: int, size: int = 84) -> Image.Image:
    """One colour: it survives resampling, and JPEG nearly so."""
    colour = (20 * int(name[-1]), 20 * position, 128)
    return Image.new("RGB", (size + position if size != 84 else 84, size), colour)


def classes(how: str = "ravi") -> dict[str, tuple[int, ...]]:
    splits = VINYALS if how == "vinyals" else RAVI
    return {
        name: positions for split in SPLITS for name, positions in sorted(splits[split].items())
    }


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root for lists of five classes of three images."""
    monkeypatch.setattr(miniimagenet, "listed_files", lists)
    counts = dict.fromkeys([f"n0000000{i}" for i in range(1, 9)], TRAIN_IMAGES)
    monkeypatch.setattr(miniimagenet, "image_counts", lambda of: counts)
    monkeypatch.setattr(
        miniimagenet,
        "read_rows",
        lambda folder, file: [
            (name, label)
            for label, names in lists(folder.rpartition("_")[2], file.split(".")[0]).items()
            for name in names
        ],
    )
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def check(dataset: OpenDataset, how: str = "ravi", tolerance: int = 4) -> None:
    """All listed classes and images, in the order of the lists."""
    expected = classes(how)
    assert dataset.class_names == list(expected)
    assert not dataset.names_are_words
    splits = VINYALS if how == "vinyals" else RAVI
    for split, ids in dataset.splits.items():
        assert {dataset.class_names[i] for i in ids} == set(splits[split])
    np.testing.assert_array_equal(dataset.labels, np.repeat(np.arange(len(expected)), 3))
    colours = [
        (20 * int(name[-1]), 20 * position, 128)
        for name, positions in expected.items()
        for position in positions
    ]
    found = np.asarray(dataset.pixels).astype(int).mean(axis=(1, 2))
    np.testing.assert_allclose(found, colours, atol=tolerance)


def save(name: str, position: int, path: Path, size: int = 84) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(name, position, size).save(path, quality=95)


def make_class_folders(root: Path) -> Path:
    for name, positions in classes().items():
        for position in positions:
            save(name, position, root / "miniimagenet" / name / f"{name}{position:08}.jpg", 50)
    return root / "miniimagenet"


def make_split_folders(root: Path) -> Path:
    folder = root / "mini-imagenet"
    for split in SPLITS:
        for name, positions in RAVI[split].items():
            for position in positions:
                save(name, position, folder / split / name / f"{name}{position:08}.jpg", 90)
    return folder


def make_zip(root: Path) -> Path:
    folder = make_split_folders(root)
    shutil.make_archive(str(root / "mini_imagenet"), "zip", root, folder.name)
    shutil.rmtree(folder)
    return root / "mini_imagenet.zip"


def make_table(root: Path) -> Path:
    folder = root / "miniimagenet"
    for split in SPLITS:
        rows = ["filename,label"]
        for name, files in lists("ravi", split).items():
            for file, position in zip(files, RAVI[split][name], strict=True):
                save(name, position, folder / "images" / file)
                rows.append(f"{file},{name}")
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n\n")
    return folder


def make_images_alone(root: Path) -> Path:
    folder = make_table(root)
    for file in folder.glob("*.csv"):
        file.unlink()
    return folder


def make_pickles(
    root: Path, write: Callable[[Any], bytes] = python2_pickle, turned: bool = False
) -> Path:
    folder = root / "miniimagenet"
    folder.mkdir()
    for split in SPLITS:
        rows = [(name, position) for name, ps in RAVI[split].items() for position in ps]
        images = np.array([np.asarray(picture(*row)) for row in rows])
        numbers = {
            name: [i for i, row in enumerate(rows) if row[0] == name] for name in RAVI[split]
        }
        file = {"val": "test", "test": "val"}.get(split, split) if turned else split
        data = write({"image_data": images, "class_dict": numbers})
        (folder / f"mini-imagenet-cache-{file}.pkl").write_bytes(data)
    return folder


def make_ilsvrc(root: Path, around: str = "ILSVRC2012/train") -> Path:
    for name in (f"n0000000{i}" for i in range(1, 9)):
        for position in range(1, TRAIN_IMAGES + 1):
            file = f"{ilsvrc_name(name, position)}.JPEG"
            save(name, position, root / around / name / file, 30)
        for position in range(1, 3):
            save("n00000000", 1, root / around / ".." / "val" / name / f"{position}.JPEG", 30)
    return root / around.split("/")[0]


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "class folders": make_class_folders,
    "split folders": make_split_folders,
    "zip": make_zip,
    "table": make_table,
    "images alone": make_images_alone,
    "pickles of Python 2": make_pickles,
    "pickles of Python 3": lambda root: make_pickles(root, pickle.dumps),
    "pickles whose splits are swapped": lambda root: make_pickles(root, turned=True),
    "ILSVRC": make_ilsvrc,
    "ILSVRC as Kaggle has it": lambda root: make_ilsvrc(root, "ILSVRC/Data/CLS-LOC/train"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(root: Path, layout: str) -> None:
    LAYOUTS[layout](root)
    dataset = open_from(root, MiniImageNet())
    assert dataset.image_shape == (84, 84, 3)
    check(dataset)
    assert dataset.class_names == ORDER


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_another_place(root: Path, tmp_path: Path, layout: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    check(open_from(root, MiniImageNet(), LAYOUTS[layout](tmp_path / "elsewhere")))


def test_the_train_folder_itself(root: Path, tmp_path: Path) -> None:
    folder = make_ilsvrc(tmp_path / "elsewhere") / "train"
    check(open_from(root, MiniImageNet(), folder))


def test_vinyals_names_are_ilsvrcs_own(root: Path) -> None:
    make_ilsvrc(root)
    dataset = open_from(root, MiniImageNet(split="vinyals"))
    check(dataset, "vinyals")
    assert dataset.name == "miniimagenet[split=vinyals]"


def test_a_copy_goes_before_ilsvrc(root: Path) -> None:
    make_ilsvrc(root)
    before = open_from(root, MiniImageNet())
    make_pickles(root)
    assert open_from(root, MiniImageNet()).fingerprint != before.fingerprint


def test_images_that_have_the_size_are_untouched(root: Path) -> None:
    make_pickles(root)
    check(open_from(root, MiniImageNet(interpolation="lanczos")), tolerance=0)


@pytest.mark.parametrize("layout", ["class folders", "pickles of Python 2"])
def test_another_size(root: Path, layout: str) -> None:
    LAYOUTS[layout](root)
    dataset = open_from(root, MiniImageNet(size=20))
    assert dataset.image_shape == (20, 20, 3)
    check(dataset)


def test_resampling_is_pillows(root: Path) -> None:
    folder = make_class_folders(root)
    noise = np.random.default_rng(0).integers(0, 256, (61, 97, 3), np.uint8)
    for file in folder.rglob("*.jpg"):
        file.unlink()
        Image.fromarray(noise).save(file.with_suffix(".png"))
    expected = Image.fromarray(noise).resize((84, 84), Image.Resampling.BICUBIC)
    dataset = open_from(root, MiniImageNet(interpolation="bicubic"))
    np.testing.assert_array_equal(dataset.pixels[4], np.asarray(expected))


def test_grey_and_tiny_images_are_read_as_the_others(root: Path) -> None:
    files = sorted((make_class_folders(root) / "n00000003").iterdir())
    Image.new("L", (30, 40), 77).save(files[0])
    Image.new("RGB", (1, 1), (9, 9, 9)).save(files[1])
    dataset = open_from(root, MiniImageNet())
    assert dataset.image_shape == (84, 84, 3)
    np.testing.assert_allclose(dataset.pixels[6], 77, atol=2)
    np.testing.assert_allclose(dataset.pixels[7], 9, atol=2)


def test_a_copy_whose_files_have_other_names_is_taken_whole(root: Path) -> None:
    for file in make_class_folders(root).rglob("*.jpg"):
        file.rename(file.with_name(f"picture-{file.name[-6:]}"))
    dataset = open_from(root, MiniImageNet())
    np.testing.assert_array_equal(np.bincount(dataset.labels), 3)


def test_counts_are_those_of_the_list(root: Path) -> None:
    assert MiniImageNet().expected_counts() == dict.fromkeys(ORDER, 3)


def test_an_image_too_few_shows_in_the_counts(root: Path) -> None:
    (make_table(root) / "images" / "n0000000300000005.jpg").unlink()
    assert np.bincount(open_from(root, MiniImageNet()).labels).tolist() == [3, 3, 2, 3, 3]


def test_an_unreadable_image_is_named_and_left_out(root: Path) -> None:
    (make_class_folders(root) / "n00000003" / "n0000000300000005.jpg").write_bytes(b"none")
    dataset = open_from(root, MiniImageNet())
    assert dataset.unreadable == ["n00000003/n0000000300000005.jpg"]
    assert np.bincount(dataset.labels).tolist() == [3, 3, 2, 3, 3]


def fails(root: Path, sentence: str, **parameters: Any) -> None:
    with one_sentence(sentence):
        open_from(root, MiniImageNet(**parameters))


def test_no_copy_at_all(root: Path) -> None:
    fails(root, r"^miniImageNet cannot be downloaded: put a copy under the data root as ")


def test_a_copy_of_the_other_list(root: Path) -> None:
    make_table(root)
    fails(root, r"lacks 3 of the 4 classes of miniimagenet\[split=vinyals\]", split="vinyals")


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def write(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


LACKS = r"lacks 1 of the 5 classes of miniimagenet, such as 'n00000003'; copy or download it"
UNREADABLE = "has no readable image of class 'n00000003'; copy or download it again"
COLUMNS = r"^val\.csv in .* is not of the form 'filename,label'; copy or download it again"
POSITIONS = "n00000003 holds 11 of ILSVRC-2012's 12 training images of n00000003, but"
PICKLE = r"cache-val\.pkl is not a readable pickle of plain arrays .* download it again\.$"


@pytest.mark.parametrize(
    ("layout", "files", "damage", "sentence"),
    [
        ("class folders", "n00000003", remove, LACKS),
        ("split folders", "*/n00000003", remove, LACKS),
        ("ILSVRC", "*/n00000003", remove, LACKS),
        ("table", "val.csv", write("filename,label\n"), LACKS),
        ("pickles of Python 2", "*-val.pkl", remove, LACKS),
        ("class folders", "n00000003/*", write("none"), UNREADABLE),
        ("table", "val.csv", write("filename,label\na,b,c\n"), COLUMNS),
        ("ILSVRC", f"train/*/{ilsvrc_name('n00000003', 2)}.JPEG", remove, POSITIONS),
        ("zip", "", cut, r"mini_imagenet\.zip is .*; copy or download it again\.$"),
        ("pickles of Python 2", "*-val.pkl", cut, PICKLE),
    ],
    ids=[
        *("a missing class", "a class that a split lacks", "a class that ILSVRC lacks"),
        *("a class that the tables lack", "a class that the pickles lack"),
        *("a class without images", "a table of another form"),
        *("positions need the whole class of ILSVRC", "a truncated zip", "a truncated pickle"),
    ],
)
def test_a_damaged_copy(root, layout, files, damage, sentence) -> None:
    copy = LAYOUTS[layout](root)
    for path in list(copy.glob(files)) if files else [copy]:
        damage(path)
    fails(root, sentence)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"image_data": np.zeros((3, 84, 84, 3), np.uint8)},
        {"image_data": np.zeros((3, 84, 84, 3), np.float32), "class_dict": {"n00000003": [0]}},
        {"image_data": np.zeros((3, 84, 84), np.uint8), "class_dict": {"n00000003": [0]}},
        {"image_data": np.zeros((3, 84, 84, 3), np.uint8), "class_dict": {"n00000003": [3]}},
        {"image_data": np.zeros((3, 84, 84, 3), np.uint8), "class_dict": {"n00000003": ["a"]}},
        {"image_data": np.zeros((3, 84, 84, 3), np.uint8), "class_dict": [1]},
    ],
)
def test_a_pickle_of_another_content(root: Path, content: Any) -> None:
    file = make_pickles(root) / "mini-imagenet-cache-val.pkl"
    file.write_bytes(pickle.dumps(content))
    fails(root, r"^mini-imagenet-cache-val\.pkl in .* is not 'image_data' \(bytes")


def test_a_hostile_pickle_runs_nothing(root: Path, tmp_path: Path) -> None:
    file = make_pickles(root) / "mini-imagenet-cache-val.pkl"
    call = Call(Path.mkdir, tmp_path / "executed")
    file.write_bytes(pickle.dumps({"image_data": call, "class_dict": {}}))
    fails(root, r"cache-val\.pkl holds pathlib\.\S+, which no file of plain arrays has")
    assert not (tmp_path / "executed").exists()
