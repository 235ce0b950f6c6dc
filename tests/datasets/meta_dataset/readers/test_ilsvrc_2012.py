"""ILSVRC-2012: class folders, archives of a class, the archive of archives."""

import shutil
import tarfile
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError

TENCH, SHARK, BIRD = "n01440764", "n01484850", "n01531178"
NAMES = (f"{TENCH}/{TENCH}_10.JPEG", f"{TENCH}/{TENCH}_9.JPEG", f"{SHARK}/{SHARK}_1.JPEG")


@pytest.fixture
def folders(tmp_path, put):
    put(tmp_path / "made", *NAMES)
    return tmp_path / "made"


def pack(folders, into):
    """An uncompressed archive per class."""
    into.mkdir(parents=True)
    for name in (TENCH, SHARK):
        with tarfile.open(into / f"{name}.tar", "w") as tar:
            for file in sorted((folders / name).iterdir(), reverse=True):
                tar.add(file, file.name)
    return into


@pytest.fixture
def archives(folders, tmp_path):
    return pack(folders, tmp_path / "packed")


@pytest.fixture
def whole(archives, tmp_path):
    file = tmp_path / "all" / "ILSVRC2012_img_train.tar"
    file.parent.mkdir()
    with tarfile.open(file, "w") as tar:
        for name in (TENCH, SHARK):
            tar.add(archives / f"{name}.tar", f"{name}.tar")
    return file


def check(files, greys):
    assert list(files.images)[:2] == [SHARK, TENCH]
    assert greys(files, TENCH) == [0, 1]
    assert greys(files, SHARK) == [2]
    assert not files.images.get(BIRD)


@pytest.mark.parametrize(
    "inner", ["", "train", "ILSVRC/Data/CLS-LOC/train", "ILSVRC2012_img_train"]
)
def test_class_folders_are_read(inner, folders, tmp_path, read_from, greys):
    shutil.copytree(folders, tmp_path / "here" / inner)
    check(read_from("ilsvrc_2012", tmp_path / "here", SHARK, TENCH, BIRD), greys)


def test_archives_of_classes_are_read(archives, whole, read_from, greys):
    for path in (archives, whole, whole.parent):
        check(read_from("ilsvrc_2012", path, SHARK, TENCH, BIRD), greys)


def test_a_class_folder_goes_before_its_archive(folders, archives, read_from, greys):
    shutil.copytree(folders / SHARK, archives / SHARK)
    (archives / f"{SHARK}.tar").write_bytes(b"half a download")
    check(read_from("ilsvrc_2012", archives, SHARK, TENCH, BIRD), greys)


def test_a_zip_archive_is_read(folders, tmp_path, read_from, greys):
    shutil.copytree(folders, tmp_path / "zip/ILSVRC/Data/CLS-LOC/train")
    shutil.copytree(folders / TENCH, tmp_path / f"zip/ILSVRC/Data/CLS-LOC/a/{TENCH}")
    shutil.make_archive(str(tmp_path / "challenge"), "zip", tmp_path / "zip")
    check(read_from("ilsvrc_2012", tmp_path / "challenge.zip", SHARK, TENCH, BIRD), greys)


def test_duplicates_are_left_out(folders, archives, whole, tmp_path, read_from, greys):
    out = frozenset([f"{TENCH}/{TENCH}_10.JPEG"])
    zipped = shutil.make_archive(str(tmp_path / "challenge"), "zip", folders)
    for path in (folders, archives, whole, Path(zipped)):
        files = read_from("ilsvrc_2012", path, SHARK, TENCH, left_out=out)
        assert greys(files, TENCH) == [1]
        assert greys(files, SHARK) == [2]


def test_classes_are_listed_when_asked_for(archives, read_from, greys):
    (archives / f"{SHARK}.tar").write_bytes(b"half a download" * 100)
    files = read_from("ilsvrc_2012", archives, TENCH, SHARK)
    assert greys(files, TENCH) == [0, 1]
    with pytest.raises(BenchbenchError, match=rf"{SHARK}\.tar is damaged .* download it again\.$"):
        files.images[SHARK]


def test_an_inner_archive_that_is_damaged_is_told(tmp_path, read_from, archives):
    (archives / f"{SHARK}.tar").write_bytes(b"half a download" * 100)
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for name in (TENCH, SHARK):
            tar.add(archives / f"{name}.tar", f"{name}.tar")
    files = read_from("ilsvrc_2012", tmp_path / "all.tar", TENCH, SHARK)
    with pytest.raises(BenchbenchError, match=rf"^{SHARK}\.tar of \S+all\.tar is damaged"):
        files.images[SHARK]


def test_a_truncated_archive_is_told(whole, read_from):
    whole.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(BenchbenchError, match=rf"^{whole} is damaged .* download it again\.$"):
        read_from("ilsvrc_2012", whole, SHARK, TENCH)


def test_a_wrong_layout_is_told(tmp_path, put, refused):
    put(tmp_path, "images/a.JPEG")
    assert "no folder of a class, such as n01440764/" in refused("ilsvrc_2012", tmp_path, TENCH)
