"""FGVC-Aircraft: the lists together, each photograph cut to its box."""

import numpy as np
import pytest

LISTS = {
    "train": "0000003 737-700\n",
    "val": "0000001 737-700\n",
    "trainval": "0000003 737-700\n0000001 737-700\n",
    "test": "0000002 F-16A/B\n0000004 737-700\n0000005 737-700\n",
}
BOXES = "0000001 2 1 6 4\n0000002 1 1 9 7\n0000003 3 2 8 5\n0000004 1 1 2 2\n0000005 1 1 2 2\n"


@pytest.fixture
def aircraft(tmp_path, gradient):
    """The published folder; photograph 0000005 is absent."""
    data = tmp_path / "fgvc-aircraft-2013b" / "data"
    for number in range(1, 5):
        gradient(data / "images" / f"000000{number}.jpg", 10, 8)
    for split, text in LISTS.items():
        (data / f"images_variant_{split}.txt").write_text(text)
    (data / "images_box.txt").write_text(BOXES)
    return data.parent


def test_photographs_are_cut_to_their_boxes(aircraft, read_from):
    for path in (aircraft, aircraft.parent, aircraft / "data"):
        files = read_from("aircraft", path, "F-16A/B", "737-700")
        numbers = [file.name[-6:-4] for file, _ in files.images["737-700"]]
        assert numbers == ["01", "03", "04"]
        first = np.asarray(files.load(files.images["737-700"][0]))
        np.testing.assert_array_equal(first[0, :, 0], [2, 3, 4, 5])
        np.testing.assert_array_equal(first[:, 0, 1], [1, 2, 3])
        assert files.load(files.images["F-16A/B"][0]).size == (8, 6)


def test_three_lists_are_as_good_as_two(aircraft, read_from):
    (aircraft / "data" / "images_variant_trainval.txt").unlink()
    assert len(read_from("aircraft", aircraft, "737-700").images["737-700"]) == 3


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("images_box.txt", "0000001 2 1 6\n", "has the line '0000001 2 1 6'"),
        ("images_box.txt", "0000001 2 1 x 4\n", "has the line '0000001 2 1 x 4'"),
        ("images_box.txt", "0000001 6 1 2 4\n", "has the empty box '0000001 6 1 2 4'"),
        ("images_box.txt", "0000002 1 1 9 7\n", "has no box of 0000001"),
        ("images_variant_test.txt", "0000001\n", "has the line '0000001'"),
        ("images_variant_test.txt", "0000001 A318\n", "has a second name of 0000001"),
        ("images_variant_test.txt", "../../1 A318\n", "has the line '../../1 A318'"),
    ],
)
def test_a_malformed_list_is_told(file, text, reason, aircraft, refused):
    (aircraft / "data" / file).write_text(text)
    assert f"{file} in {aircraft} {reason}" in refused("aircraft", aircraft, "737-700")


def test_absent_lists_are_told(aircraft, refused):
    for split in LISTS:
        (aircraft / "data" / f"images_variant_{split}.txt").unlink()
    assert "has no images_variant_trainval.txt" in refused("aircraft", aircraft, "737-700")
    (aircraft / "data" / "images_box.txt").unlink()
    assert "has no images_box.txt" in refused("aircraft", aircraft, "737-700")


def test_lists_without_photographs_are_refused(aircraft, refused):
    for file in (aircraft / "data" / "images").iterdir():
        file.unlink()
    assert "has none of its images" in refused("aircraft", aircraft, "737-700")
