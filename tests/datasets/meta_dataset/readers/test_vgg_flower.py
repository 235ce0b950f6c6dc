"""Oxford 102 Flowers: labels from one in `imagelabels.mat`."""

import shutil
import tarfile

import numpy as np
import pytest
from scipy.io import savemat

LILY, PRIMROSE = "090.canna lily", "001.pink primrose"


@pytest.fixture
def flowers(tmp_path, put):
    folder = tmp_path / "flowers-102"
    put(folder / "jpg", "image_00001.jpg", "image_00002.jpg", "image_00003.jpg", "image_00004.jpg")
    labels = np.array([[90, 1, 90, 5, 1]], np.uint8)  # the fifth image is absent
    savemat(folder / "imagelabels.mat", {"labels": labels})
    return folder


def test_labels_count_from_one(flowers, read_from, greys):
    for path in (flowers, flowers.parent):
        files = read_from("vgg_flower", path, PRIMROSE, LILY)
        assert greys(files, LILY) == [0, 2]
        assert greys(files, PRIMROSE) == [1]


def test_the_published_archive_is_read(flowers, read_from, greys):
    with tarfile.open(flowers / "102flowers.tgz", "w:gz") as tar:
        tar.add(flowers / "jpg", "jpg")
    shutil.rmtree(flowers / "jpg")
    assert greys(read_from("vgg_flower", flowers, PRIMROSE, LILY), LILY) == [0, 2]


@pytest.mark.parametrize("content", [b"", b"not a mat file", b"\x00" * 200])
def test_a_damaged_file_of_labels_is_told(content, flowers, refused):
    (flowers / "imagelabels.mat").write_bytes(content)
    assert f"imagelabels.mat in {flowers} has no 'labels'" in refused("vgg_flower", flowers, LILY)


@pytest.mark.parametrize("labels", [{"other": [1]}, {"labels": np.array([{"a": 1}], object)}])
def test_other_tables_are_refused(labels, flowers, refused):
    savemat(flowers / "imagelabels.mat", labels)
    assert "has no 'labels'; VGG Flower" in refused("vgg_flower", flowers, LILY)


@pytest.mark.parametrize("name", ["imagelabels.mat", "jpg"])
def test_what_is_absent_is_told(name, flowers, refused):
    (flowers / name).rename(flowers.parent / "elsewhere")
    assert f"{flowers} has no {name}" in refused("vgg_flower", flowers, LILY)
