"""CIFAR-FS and FC100: the real data where it is, and small copies of both published layouts."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.python2_pickles import python2_pickle

from benchbench.datasets import cifar
from benchbench.datasets.base import OpenDataset
from benchbench.datasets.cifar import FC100, CifarFS, coarse_labels
from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places
from benchbench.system.vision import torchvision

GOLDEN = "2cfaacd0572be4c5d991223629f6c3c28a31b58840f6e16de0aa5825ed417bb4"
"""The fingerprint of the lossless copy at 32 px: of its files alone."""


# The real data


@pytest.fixture(scope="module")
def real(places: Places) -> OpenDataset:
    if not (places.data_root / "cifar_fs").is_dir():
        pytest.skip(f"needs the real data: {places.data_root} has no cifar_fs")
    return open_dataset("cifar_fs", places)


def names_of(dataset: OpenDataset, splits: dict[str, Any]) -> dict[str, set[str]]:
    return {split: {dataset.class_names[i] for i in ids} for split, ids in splits.items()}


def test_cifar_fs_is_complete(real: OpenDataset) -> None:
    assert {split: len(ids) for split, ids in real.splits.items()} == {
        "train": 64,
        "val": 16,
        "test": 20,
    }
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
        found = names_of(real, dataset.split_classes(real.class_names, []))
        for split, names in published[key].items():
            assert found[split] == {name.replace("_", " ") for name in names}


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
    assert real.hierarchy is not None
    parents = [{real.hierarchy[i] for i in ids} for ids in splits.values()]
    assert [len(names) for names in parents] == [12, 4, 4]
    assert len(set.union(*parents)) == 20


def test_cifar_fs_shares_super_classes(real: OpenDataset) -> None:
    assert real.hierarchy is not None
    train, _, test = ({real.hierarchy[i] for i in ids} for ids in real.splits.values())
    assert train & test


# Small copies

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


def open_small(root: Path, dataset: CifarFS | None = None) -> OpenDataset:
    return open_dataset((dataset or CifarFS()), Places(root, root.parent / "cache"))


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


def members(write: Any) -> dict[str, bytes]:
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
    for name, data in (files or members(python2_pickle)).items():
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
    "original by Python 3": lambda root: make_original(
        root, members(partial(pickle.dumps, protocol=4))
    ),
    "archive": make_archive,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(root: Path, layout: str) -> None:
    LAYOUTS[layout](root)
    dataset = open_small(root)
    check(dataset)
    assert names_of(dataset, dataset.splits) == {
        "train": {"ray", "rose"},
        "val": {"shark"},
        "test": {"tulip", "old man"},
    }
    dealt_anew = open_small(root, FC100())
    check(dealt_anew)
    assert names_of(dealt_anew, dealt_anew.splits) == {
        "train": {"ray", "shark"},
        "val": {"rose", "tulip"},
        "test": {"old man"},
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_another_place(root: Path, tmp_path: Path, layout: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    dataset = CifarFS()
    dataset.origin = LAYOUTS[layout](tmp_path / "elsewhere")
    check(open_small(root, dataset))


@pytest.mark.parametrize("make", [make_folders, make_original])
def test_another_size_is_pillows(root: Path, make: Any) -> None:
    make(root)
    dataset = open_small(root, CifarFS(size=20, interpolation="lanczos"))
    for pixels, original in zip(dataset.pixels, PICTURES, strict=True):
        expected = Image.fromarray(original).resize((20, 20), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(pixels, np.asarray(expected))


def fails(root: Path, sentence: str, dataset: CifarFS | None = None) -> None:
    with pytest.raises(BenchbenchError, match=sentence) as caught:
        open_small(root, dataset)
    assert "\n" not in str(caught.value)


def test_a_missing_class(root: Path) -> None:
    shutil.rmtree(make_folders(root) / "test" / "tulip")
    fails(root, r"cifar_fs lacks 1 of the 5 classes of cifar_fs, such as 'tulip'; copy or ")


def test_a_class_with_too_few_images(root: Path) -> None:
    (make_folders(root) / "test" / "tulip" / "te_01.png").unlink()
    fails(root, r"test holds 2 images of 'tulip' instead of 3; copy or download it again\.$")


def test_an_image_that_is_none(root: Path) -> None:
    (make_folders(root) / "test" / "tulip" / "te_01.png").write_bytes(b"none")
    fails(root, r"^tulip/te_01\.png in .*test is not an image; copy or download it again\.$")


def test_a_truncated_zip(root: Path) -> None:
    file = make_zips(root) / "val.zip"
    file.write_bytes(file.read_bytes()[:-200])
    fails(root, r"val\.zip is .*; copy or download it again\.$")


def test_too_few_images_of_the_original(root: Path) -> None:
    files = members(lambda content: content)
    test: Any = files["test"]
    test.update(data=test["data"][:-1], fine_labels=test["fine_labels"][:-1])
    make_original(root, {name: pickle.dumps(content) for name, content in files.items()})
    fails(root, r"cifar-100-python holds 2 images of 'old_man' instead of 3; copy or download")


@pytest.mark.parametrize(
    ("part", "content", "sentence"),
    [
        ("train", {}, "has no 'train' with 'data'"),
        ("meta", {"fine_label_names": [b"ray"]}, "lacks 4 of the 5 classes"),
        ("meta", [1], "has no 'meta' with 'fine_label_names'"),
        ("test", {"data": np.zeros((1, 9), np.uint8)}, "'test' of .* is not 3072 bytes"),
        ("test", {"data": [[1]], "fine_labels": [0]}, "'test' of .* is not 3072 bytes"),
        ("test", {"data": [[1], [1, 2]], "fine_labels": [0]}, "'test' of .* is not 3072 bytes"),
        (
            "test",
            {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [[0], [1, 2]]},
            "'test' of .* is not 3072 bytes",
        ),
        (
            "test",
            {"data": np.zeros((1, 3072), np.uint8), "fine_labels": None},
            "'test' of .* is not 3072 bytes",
        ),
    ],
)
def test_another_content(root: Path, part: str, content: Any, sentence: str) -> None:
    make_original(root, {**members(python2_pickle), part: pickle.dumps(content, 2)})
    fails(root, sentence)


class Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.mkdir, (self.marker,)


def test_a_hostile_original_runs_nothing(root: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    files = members(python2_pickle)
    make_original(root, {**files, "train": pickle.dumps({"data": Hostile(marker)})})
    fails(root, r"cifar-100-python/train holds pathlib\.\S+, which no file of plain arrays has")
    assert not marker.exists()


# Downloads


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
    check(open_small(root))
    assert [path.name for path in root.iterdir() if not path.name.startswith(".")] == [
        "cifar-100-python.tar.gz"
    ]


def test_a_wrong_md5(root: Path, published: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "tgz_md5", "0" * 32)
    fails(root, r"arrived with md5 \w+ instead of 0{32} and was thrown away; try again\.$")
    assert not list(root.glob("*.tar.gz"))


def test_a_data_root_that_may_not_be_written(root, published, monkeypatch) -> None:
    monkeypatch.setattr(cifar, "can_write", lambda folder: False)
    check(open_small(root))
    assert list(root.iterdir()) == []
    assert (root.parent / "cache" / "data" / "cifar-100-python.tar.gz").is_file()


def test_the_published_archive_is_known() -> None:
    known = torchvision("datasets").CIFAR100
    assert known.filename == "cifar-100-python.tar.gz"
    assert len(known.tgz_md5) == 32
