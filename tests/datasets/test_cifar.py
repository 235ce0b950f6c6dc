"""CIFAR-FS and FC100: the real data where it is, and small copies of both published layouts."""

import hashlib
import io
import json
import pickle
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.opened import open_from, split_names, split_sizes
from support.pickles import Call, python2_pickle
from support.sentences import one_sentence

from benchbench.datasets import cifar, cifar_python
from benchbench.datasets.cifar import FC100, CifarFS, coarse_labels
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places
from benchbench.system.vision import torchvision

GOLDEN = "2cfaacd0572be4c5d991223629f6c3c28a31b58840f6e16de0aa5825ed417bb4"
"""The fingerprint of the lossless copy at 32 px: of its files alone."""


@pytest.fixture(scope="module")
def real(places: Places) -> OpenDataset:
    if not (places.data_root / "cifar_fs").is_dir():
        pytest.skip(f"needs the real data: {places.data_root} has no cifar_fs")
    return open_dataset("cifar_fs", places)


def test_cifar_fs_is_complete(real: OpenDataset) -> None:
    assert split_sizes(real) == (64, 16, 20)
    assert real.image_shape == (32, 32, 3)
    np.testing.assert_array_equal(real.labels, np.repeat(np.arange(100), 600))
    assert real.class_names == sorted(real.class_names)
    assert real.names_are_words
    assert CifarFS().expected_counts() == dict.fromkeys(real.class_names, 600)
    assert real.fingerprint == GOLDEN


def test_the_lists_are_those_of_the_copy(data_root: Path, real: OpenDataset) -> None:
    published = json.loads((data_root / "cifar_fs" / "classes.json").read_text(encoding="utf-8"))
    assert coarse_labels() == published["fine_to_coarse"]
    for dataset, key in ((CifarFS(), "cifar_fs"), (FC100(), "fc100")):
        splits = dataset.split_classes(real.class_names, [])
        for split, names in split_names(replace(real, splits=splits)).items():
            assert {name.replace("_", " ") for name in published[key][split]} == set(names)


def test_the_pixels_are_the_files(data_root: Path, real: OpenDataset) -> None:
    for split, name, label in (("val", "maple_tree", "maple tree"), ("test", "man", "man")):
        first = real.class_names.index(label) * 600
        with zipfile.ZipFile(data_root / "cifar_fs" / f"{split}.zip") as archive:
            files = sorted(file for file in archive.namelist() if file.startswith(f"{name}/"))
            for position in (0, 99, 100, 599):
                image = Image.open(io.BytesIO(archive.read(files[position]))).convert("RGB")
                np.testing.assert_array_equal(real.pixels[first + position], np.asarray(image))


def test_fc100_shares_no_super_class(real: OpenDataset) -> None:
    splits = FC100().split_classes(real.class_names, [])
    assert [len(ids) for ids in splits.values()] == [60, 20, 20]
    parents = [{real.hierarchy[i] for i in ids} for ids in splits.values()]
    assert [len(names) for names in parents] == [12, 4, 4]
    assert len(set.union(*parents)) == 20


def test_cifar_fs_shares_super_classes(real: OpenDataset) -> None:
    train, _, test = ({real.hierarchy[i] for i in ids} for ids in real.splits.values())
    assert train & test


FINE = {
    "train": [["fish", "ray"], ["flowers", "rose"]],
    "val": [["fish", "shark"]],
    "test": [["flowers", "tulip"], ["people", "old_man"]],
}
COARSE = {"train": ["fish"], "val": ["flowers"], "test": ["people"]}
LABELS = sorted(fine for pairs in FINE.values() for _, fine in pairs)
IMAGES = 3


def picture(label: str, number: int) -> np.ndarray:
    """Noise of its own for each image of each class."""
    return np.random.default_rng([LABELS.index(label), number]).integers(
        0, 256, (32, 32, 3), np.uint8
    )


PICTURES = np.array([picture(label, number) for label in LABELS for number in range(IMAGES)])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root that is empty, for lists of five classes of three images."""
    lists = {"cifar_fs": FINE, "fc100": COARSE}
    monkeypatch.setattr(cifar, "read_json", lists.__getitem__)
    monkeypatch.setattr(cifar, "IMAGES", IMAGES)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def make_folders(root: Path) -> Path:
    for split, pairs in FINE.items():
        for _, label in pairs:
            folder = root / "cifar_fs" / split / label
            folder.mkdir(parents=True)
            for number in range(IMAGES):
                Image.fromarray(picture(label, number)).save(folder / f"te_{number:02}.png")
    return root / "cifar_fs"


def make_zips(root: Path, base: str = ".") -> Path:
    folder = make_folders(root)
    for split in FINE:
        inside = folder / split if base == "." else folder
        shutil.make_archive(str(folder / split), "zip", inside, base if base == "." else split)
        shutil.rmtree(folder / split)
    return folder


def members(write: Any = python2_pickle) -> dict[str, bytes]:
    """The files of CIFAR-100's python version: of each class a test and two training images."""
    rows = [(label, number) for number in range(IMAGES) for label in reversed(LABELS)]
    files = {
        "meta": {
            "fine_label_names": [label.encode() for label in LABELS],
            "coarse_label_names": [b"fish", b"flowers", b"people"],
        }
    }
    for part, chosen in (("test", rows[: len(LABELS)]), ("train", rows[len(LABELS) :])):
        images = np.array([picture(label, number) for label, number in chosen])
        files[part] = {
            "data": images.transpose(0, 3, 1, 2).reshape(len(images), -1),
            "fine_labels": [LABELS.index(label) for label, _ in chosen],
            "filenames": [f"{label}_s_{number}.png".encode() for label, number in chosen],
        }
    return {name: write(content) for name, content in files.items()}


def make_original(root: Path, files: dict[str, bytes] | None = None) -> Path:
    folder = root / "cifar-100-python"
    folder.mkdir()
    for name, data in (files or members()).items():
        (folder / name).write_bytes(data)
    return folder


def make_archive(root: Path) -> Path:
    folder = make_original(root)
    with tarfile.open(root / "cifar-100-python.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    shutil.rmtree(folder)
    return root / "cifar-100-python.tar.gz"


def check(dataset: OpenDataset) -> None:
    assert dataset.class_names == ["old man", "ray", "rose", "shark", "tulip"]
    assert dataset.hierarchy == [("people",), ("fish",), ("flowers",), ("fish",), ("flowers",)]
    np.testing.assert_array_equal(dataset.pixels, PICTURES)


LAYOUTS = {
    "folders": make_folders,
    "zips": make_zips,
    "zips of a folder": partial(make_zips, base="split"),
    "original": make_original,
    "original by Python 3": lambda root: make_original(root, members(pickle.dumps)),
    "archive": make_archive,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(root: Path, layout: str) -> None:
    LAYOUTS[layout](root)
    dealt, dealt_anew = open_from(root, CifarFS()), open_from(root, FC100())
    check(dealt)
    check(dealt_anew)
    assert [*split_names(dealt).values()] == [["ray", "rose"], ["shark"], ["old man", "tulip"]]
    assert [*split_names(dealt_anew).values()] == [["ray", "shark"], ["rose", "tulip"], ["old man"]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_another_place(root: Path, tmp_path: Path, layout: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    check(open_from(root, CifarFS(), LAYOUTS[layout](tmp_path / "elsewhere")))


@pytest.mark.parametrize("make", [make_folders, make_original])
def test_another_size_is_pillows(root: Path, make: Any) -> None:
    make(root)
    dataset = open_from(root, CifarFS(size=20, interpolation="lanczos"))
    for pixels, original in zip(dataset.pixels, PICTURES, strict=True):
        expected = Image.fromarray(original).resize((20, 20), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(pixels, np.asarray(expected))


def lack_a_class(root: Path) -> None:
    shutil.rmtree(make_folders(root) / "test" / "tulip")


def lack_an_image(root: Path) -> None:
    (make_folders(root) / "test" / "tulip" / "te_01.png").unlink()


def spoil_an_image(root: Path) -> None:
    (make_folders(root) / "test" / "tulip" / "te_01.png").write_bytes(b"none")


def cut_a_zip(root: Path) -> None:
    file = make_zips(root) / "val.zip"
    file.write_bytes(file.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lack_a_class, r"cifar_fs lacks 1 of the 5 classes of cifar_fs, such as 'tulip'; copy or "),
        (lack_an_image, r"test holds 2 images of 'tulip' instead of 3; copy or download it again"),
        (spoil_an_image, r"^tulip/te_01\.png in .*test is not an image; copy or download it again"),
        (cut_a_zip, r"val\.zip is .*; copy or download it again\.$"),
    ],
)
def test_a_damaged_copy(root: Path, damage: Callable[[Path], None], sentence: str) -> None:
    damage(root)
    with one_sentence(sentence):
        open_from(root, CifarFS())


def test_too_few_images_of_the_original(root: Path) -> None:
    files = members(lambda content: content)
    test: Any = files["test"]
    test.update(data=test["data"][:-1], fine_labels=test["fine_labels"][:-1])
    make_original(root, {name: pickle.dumps(content) for name, content in files.items()})
    with one_sentence(r"cifar-100-python holds 2 images of 'old_man' instead of 3; copy or downl"):
        open_from(root, CifarFS())


@pytest.mark.parametrize(
    ("part", "content", "sentence"),
    [
        ("train", {}, "has no 'train' with 'data'"),
        ("meta", {"fine_label_names": [b"ray"]}, "lacks 4 of the 5 classes"),
        ("meta", [1], "has no 'meta' with 'fine_label_names'"),
        *(
            ("test", {"data": data, "fine_labels": labels}, "'test' of .* is not 3072 bytes")
            for data, labels in [
                (np.zeros((1, 9), np.uint8), [0]),
                ([[1]], [0]),
                ([[1], [1, 2]], [0]),
                (np.zeros((2, 3072), np.uint8), [[0], [1, 2]]),
                (np.zeros((1, 3072), np.uint8), None),
            ]
        ),
    ],
)
def test_another_content(root: Path, part: str, content: Any, sentence: str) -> None:
    make_original(root, {**members(), part: pickle.dumps(content, 2)})
    with one_sentence(sentence):
        open_from(root, CifarFS())


def test_a_hostile_original_runs_nothing(root: Path, tmp_path: Path) -> None:
    hostile = pickle.dumps({"data": Call(Path.mkdir, tmp_path / "executed")})
    make_original(root, {**members(), "train": hostile})
    with one_sentence(r"cifar-100-python/train holds pathlib\.\S+, which no file of plain arrays"):
        open_from(root, CifarFS())
    assert not (tmp_path / "executed").exists()


@pytest.fixture
def published(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Any]]:
    """A server of the small archive in place of the one that torchvision knows."""
    (tmp_path / "server").mkdir()
    archive = make_archive(tmp_path / "server")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=archive.parent))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    known = torchvision("datasets").CIFAR100
    monkeypatch.setattr(known, "url", f"http://127.0.0.1:{server.server_port}/{archive.name}")
    monkeypatch.setattr(known, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    yield known
    server.shutdown()
    server.server_close()


def test_what_is_missing_is_downloaded(root: Path, published: type[Any]) -> None:
    check(open_from(root, CifarFS()))
    assert [path.name for path in root.glob("[!.]*")] == ["cifar-100-python.tar.gz"]


def test_a_wrong_md5(root: Path, published: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "tgz_md5", "0" * 32)
    with one_sentence(r"arrived with md5 \w+ instead of 0{32} and was thrown away; try again\.$"):
        open_from(root, CifarFS())
    assert not list(root.glob("*.tar.gz"))


def test_a_data_root_that_may_not_be_written(root, published, monkeypatch) -> None:
    monkeypatch.setattr(cifar_python, "can_write", lambda folder: False)
    check(open_from(root, CifarFS()))
    assert list(root.iterdir()) == []
    assert (root.parent / "cache" / "data" / "cifar-100-python.tar.gz").is_file()


def test_the_published_archive_is_known() -> None:
    known = torchvision("datasets").CIFAR100
    assert known.filename == "cifar-100-python.tar.gz"
    assert len(known.tgz_md5) == 32
