"""CIFAR-10 and CIFAR-100 with their own parts: the real data where it is, and small copies."""

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.opened import open_from, split_sizes
from support.pickles import python2_pickle
from support.sentences import one_sentence

from benchbench.datasets import cifar, cifar_official
from benchbench.datasets.cifar_official import BATCHES, NAMES_10, Cifar10, Cifar100
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

FINE = {"train": [["fish", "ray"]], "val": [["fish", "shark"]], "test": [["people", "old_man"]]}
LABELS = ["old_man", "ray", "shark"]
TEST, TRAIN = 1, 2


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root that is empty, for CIFAR-100 of three classes of one test image and two more."""
    monkeypatch.setattr(cifar, "read_json", {"cifar_fs": FINE}.__getitem__)
    monkeypatch.setattr(cifar, "IMAGES", TEST + TRAIN)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def picture(label: int, number: int) -> np.ndarray:
    return np.random.default_rng([label, number]).integers(0, 256, (32, 32, 3), np.uint8)


def packed(rows: list[tuple[int, int]], key: str) -> bytes:
    """A file of the python version, of the pictures of these labels and numbers."""
    data = np.array([picture(*row) for row in rows]).transpose(0, 3, 1, 2).reshape(len(rows), -1)
    return python2_pickle({"data": data, key: [label for label, _ in rows]})


def test_the_real_data_have_five_hundred_and_a_hundred(places: Places) -> None:
    if not (places.data_root / "cifar_fs").is_dir():
        pytest.skip(f"needs the real data: {places.data_root} has no cifar_fs")
    real = open_dataset("cifar100", places)
    assert split_sizes(real) == (0, 0, 100)
    parts = np.array(real.parts).reshape(100, 600)
    assert (parts[:, :100] == "test").all()
    assert (parts[:, 100:] == "train").all()


@pytest.mark.parametrize("layout", ["python", "files"])
def test_cifar_100_from_either_layout(root: Path, layout: str) -> None:
    if layout == "python":
        folder = root / "cifar-100-python"
        folder.mkdir()
        meta = {"fine_label_names": [label.encode() for label in LABELS]}
        (folder / "meta").write_bytes(python2_pickle(meta))
        numbers = {"test": (0,), "train": (1, 2)}
        for part, chosen in numbers.items():
            rows = [(label, number) for number in chosen for label in (2, 0, 1)]
            (folder / part).write_bytes(packed(rows, "fine_labels"))
    else:
        write_files(root, ("te_0", "tr_0", "tr_1"))
    check(open_from(root, Cifar100()), 3)


def write_files(root: Path, names: tuple[str, ...]) -> None:
    for split, pairs in FINE.items():
        for _, label in pairs:
            folder = root / "cifar_fs" / split / label
            folder.mkdir(parents=True)
            for number, name in enumerate(names):
                Image.fromarray(picture(LABELS.index(label), number)).save(folder / f"{name}.png")


def check(dataset: OpenDataset, classes: int) -> None:
    """One test image of each class comes before its two training images."""
    assert split_sizes(dataset) == (0, 0, classes)
    assert dataset.parts is not None
    assert dataset.parts.tolist() == ["test", "train", "train"] * classes
    expected = [picture(label, number) for label in range(classes) for number in range(3)]
    np.testing.assert_array_equal(dataset.pixels, np.array(expected))


def test_files_that_do_not_tell_their_part_are_refused(root: Path) -> None:
    write_files(root, ("te_0", "tr_0", "apple_s_1"))
    with one_sentence("does not tell whether 'apple_s_1.png' is a training or a test image"):
        open_from(root, Cifar100())


@pytest.mark.parametrize("archive", [False, True])
def test_cifar_10(root: Path, archive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar_official, "IMAGES_10", 3)
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    names = [name.encode() for name in NAMES_10]
    (folder / "batches.meta").write_bytes(python2_pickle({"label_names": names}))
    (folder / "test_batch").write_bytes(packed([(label, 0) for label in range(10)], "labels"))
    rows = [(label, number) for number in (1, 2) for label in reversed(range(10))]
    for file, start in zip(BATCHES["train"], range(0, 20, 4), strict=True):
        (folder / file).write_bytes(packed(rows[start : start + 4], "labels"))
    if archive:
        with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as packing:
            packing.add(folder, folder.name)
        shutil.rmtree(folder)
    opened = open_from(root, Cifar10())
    assert opened.class_names == list(NAMES_10)
    check(opened, 10)
