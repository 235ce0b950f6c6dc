"""GTSRB: class folders by number, tracks as group keys, no cutting."""

import shutil

import pytest

STOP, LIMIT = "14.Stop", "00.Speed limit (20km/h)"
NAMES = (
    "00000/00001_00000.ppm",
    "00000/00000_00001.ppm",
    "00000/00000_00000.ppm",
    "00014/00000_00000.ppm",
)


@pytest.mark.parametrize(
    ("folder", "start"),
    [
        ("GTSRB/Final_Training/Images", ""),
        ("GTSRB/Final_Training/Images", "GTSRB"),
        ("GTSRB/Final_Training/Images", "GTSRB/Final_Training/Images"),
        ("gtsrb/GTSRB/Training", ""),
        ("gtsrb/GTSRB/Training", "gtsrb/GTSRB"),
    ],
)
def test_tracks_are_groups(folder, start, tmp_path, put, read_from, greys):
    put(tmp_path / folder, *NAMES, size=(9, 7))
    (tmp_path / folder / "00000" / "GT-00000.csv").write_text("Filename;Width;Height;Roi.X1\n")
    put(tmp_path / "GTSRB" / "Final_Test" / "Images", "00000.ppm")
    files = read_from("traffic_sign", tmp_path / start, LIMIT, STOP)
    assert greys(files, LIMIT) == [2, 1, 0]
    assert files.groups == {
        LIMIT: ["00000/00000", "00000/00000", "00000/00001"],
        STOP: ["00014/00000"],
    }
    assert files.load(files.images[STOP][0]).size == (9, 7)


def test_the_final_training_set_is_preferred(tmp_path, put, read_from, greys):
    put(tmp_path / "GTSRB/Training", *NAMES)
    put(tmp_path / "GTSRB/Final_Training/Images", NAMES[0])
    files = read_from("traffic_sign", tmp_path, LIMIT, STOP)
    assert greys(files, LIMIT) == [0]
    assert not files.images[STOP]


def test_the_published_zip_is_read(tmp_path, put, read_from, greys):
    put(tmp_path / "made/GTSRB/Final_Training/Images", *NAMES)
    shutil.make_archive(
        str(tmp_path / "packed" / "GTSRB_Final_Training_Images"), "zip", tmp_path / "made"
    )
    assert greys(read_from("traffic_sign", tmp_path / "packed", LIMIT, STOP), STOP) == [3]


def test_the_test_set_alone_is_refused(tmp_path, put, refused):
    put(tmp_path / "GTSRB" / "Final_Test" / "Images", "00000.ppm")
    assert "such as 00000/; GTSRB is read from" in refused("traffic_sign", tmp_path, LIMIT, STOP)
