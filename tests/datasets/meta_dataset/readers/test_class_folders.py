"""CUB-200-2011 and DTD: a folder of images per class."""

import shutil
import tarfile
from pathlib import Path

import pytest

BIRDS = ("002.Laysan_Albatross", "001.Black_footed_Albatross")
SOURCES = [("cu_birds", "CUB_200_2011", BIRDS), ("dtd", "dtd", ("waffled", "banded"))]


@pytest.mark.parametrize(("source", "folder", "classes"), SOURCES)
def test_images_are_in_the_order_of_their_names(
    source, folder, classes, tmp_path, put, read_from, greys
):
    names = [
        f"images/{classes[0]}/b.jpg",
        f"images/{classes[0]}/a.jpg",
        f"images/{classes[1]}/c.jpg",
    ]
    put(tmp_path / folder, *names)
    put(tmp_path / folder, "images/unknown/d.jpg", "images/stray.jpg")
    (tmp_path / folder / "images" / classes[0] / ".directory").write_text("left over")
    for path in (tmp_path / folder, tmp_path, tmp_path / folder / "images"):
        files = read_from(source, path, *classes, "absent")
        assert list(files.images) == [*classes, "absent"]
        assert greys(files, classes[0]) == [1, 0]
        assert greys(files, classes[1]) == [2]
        assert not files.images["absent"]
        assert files.groups is None


def test_other_folders_of_the_same_classes_are_not_taken(tmp_path, put, read_from):
    put(tmp_path, f"images/{BIRDS[0]}/b.jpg", f"segmentations/{BIRDS[0]}/b.png")
    put(tmp_path, f"segmentations/{BIRDS[1]}/b.png", f"a/images/{BIRDS[0]}/b.jpg")
    files = read_from("cu_birds", tmp_path, *BIRDS)
    assert [ref.name for ref in files.images[BIRDS[0]]] == [f"images/{BIRDS[0]}/b.jpg"]
    assert not files.images[BIRDS[1]]


@pytest.mark.parametrize(
    ("source", "archive", "folder", "classes"),
    [
        ("cu_birds", "CUB_200_2011.tgz", "CUB_200_2011", BIRDS),
        ("dtd", "dtd-r1.0.1.tar.gz", "dtd", ("waffled", "banded")),
    ],
)
def test_the_published_archive_is_read(
    source, archive, folder, classes, tmp_path, put, read_from, greys
):
    put(
        tmp_path / "made",
        f"{folder}/images/{classes[0]}/b.jpg",
        f"{folder}/images/{classes[1]}/a.jpg",
    )
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / archive, "w:gz") as tar:
        tar.add(tmp_path / "made" / folder, folder)
    for path in (packed, packed / archive):
        assert greys(read_from(source, path, *classes), classes[1]) == [1]


def test_a_zip_archive_is_read_as_a_folder(tmp_path, put, read_from, greys):
    put(tmp_path / "made", f"CUB_200_2011/images/{BIRDS[0]}/b.jpg")
    file = Path(shutil.make_archive(str(tmp_path / "birds"), "zip", tmp_path / "made"))
    assert greys(read_from("cu_birds", file, *BIRDS), BIRDS[0]) == [0]


def test_a_wrong_layout_is_told(tmp_path, put, refused):
    put(tmp_path, "images/other/b.jpg")
    text = refused("cu_birds", tmp_path, *BIRDS)
    assert "no folder of a class, such as 001.Black_footed_Albatross/" in text
    assert "CUB_200_2011/ with images/" in text
    assert "There is no" in refused("dtd", tmp_path / "absent", "waffled")
