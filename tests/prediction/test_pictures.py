"""Which pictures are meant, and how they are decoded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import write_pictures

from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.prediction.labelled import labelled_files, read_labelled
from benchbench.prediction.pictures import PictureReader, find_pictures
from benchbench.prediction.untrained import reader_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", classes=3, count=2, colour=True)


def names(*arguments: object) -> list[str]:
    return [picture.name for picture in find_pictures([str(argument) for argument in arguments])]


def test_files_folders_archives_and_patterns(folder: Path) -> None:
    one, packed = folder / "class 01" / "1.png", folder.with_name("packed.zip")
    shutil.make_archive(str(packed.with_suffix("")), "zip", folder)
    inside = [f"class 0{number}/{index}.png" for number in range(3) for index in range(2)]
    assert names(one, one) == [str(one)] * 2
    assert names(folder) == [f"{folder}/{name}" for name in inside]
    assert names(packed) == [f"{packed}/{name}" for name in inside]
    assert names(folder / "*" / "1.png") == [f"{folder}/{name}" for name in inside[1::2]]


def test_a_pattern_that_fits_nothing(folder: Path) -> None:
    with pytest.raises(BenchbenchError, match="There is no picture or folder"):
        find_pictures([str(folder / "*.jpg")])


@pytest.mark.parametrize("colour", [True, False])
def test_pictures_are_read_as_folder_reads_them(tmp_path: Path, colour: bool) -> None:
    folder = write_pictures(tmp_path / "pictures", count=2, size=23, colour=colour)
    opened = open_dataset(f"folder:{folder}[size=16]")
    found = labelled_files(folder)
    labelled = read_labelled(found, reader_for(found, 16))
    assert list(labelled.class_names) == opened.class_names
    np.testing.assert_array_equal(labelled.labels, opened.labels)
    np.testing.assert_array_equal(labelled.images, np.asarray(opened.pixels))


def test_deep_greys_are_on_the_scale_of_the_support(tmp_path: Path) -> None:
    """12 bits in the support: 4095 is white, of new pictures too."""
    for name, value in (("a", 4095), ("b", 0)):
        (tmp_path / "support" / name).mkdir(parents=True)
        grey = Image.fromarray(np.full((8, 8), value, np.uint16))
        grey.save(tmp_path / "support" / name / "0.png")
    Image.fromarray(np.full((8, 8), 2048, np.uint16)).save(tmp_path / "new.png")
    reader = reader_for(labelled_files(tmp_path / "support"), 8)
    assert reader.mode == "L"
    (new,) = find_pictures([str(tmp_path / "new.png")])
    assert set(reader.read([new.file], "new").images.ravel()) == {2048 >> 4}
    assert PictureReader.from_json(reader.as_json()) == reader


def test_transparent_pictures_are_put_on_the_background(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    (clear,) = find_pictures([str(tmp_path / "clear.png")])
    images, readable = PictureReader(4, "RGB", background="black").read([clear.file], "new")
    assert not images.any()
    assert readable == [0]
    assert "new: 1 image(s) with transparency, put on black" in capsys.readouterr().err
