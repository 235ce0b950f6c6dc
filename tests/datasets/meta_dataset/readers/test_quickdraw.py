"""Quick, Draw!: every row of a file of bitmaps, as it is."""

import numpy as np
import pytest

TOWER = "The Eiffel Tower"


@pytest.fixture
def drawings(tmp_path):
    """Three cats and two towers, whose pixels are random."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "quickdraw"
    folder.mkdir()
    arrays = {
        name: rng.integers(0, 256, (n, 784), np.uint8) for name, n in (("cat", 3), (TOWER, 2))
    }
    np.save(folder / "cat.npy", arrays["cat"])
    np.save(folder / f"full_numpy_bitmap_{TOWER}.npy", arrays[TOWER])
    return folder, arrays


def test_every_row_is_an_image(drawings, read_from):
    folder, arrays = drawings
    for path in (folder, folder.parent):
        files = read_from("quickdraw", path, TOWER, "absent", "cat")
        assert {name: len(refs) for name, refs in files.images.items()} == {
            TOWER: 2,
            "absent": 0,
            "cat": 3,
        }
        for name, array in arrays.items():
            for ref, row in zip(files.images[name], array, strict=True):
                np.testing.assert_array_equal(np.asarray(files.load(ref)).ravel(), row)


def test_references_take_no_memory(tmp_path, read_from):
    np.save(tmp_path / "cat.npy", np.zeros((2000, 784), np.uint8))
    assert read_from("quickdraw", tmp_path, "cat").images["cat"] == range(2000)


def test_no_rows_are_no_images(tmp_path, refused):
    np.save(tmp_path / "cat.npy", np.zeros((0, 784), np.uint8))
    assert "Quick, Draw! is read from" in refused("quickdraw", tmp_path, "cat")


class Trap:
    """Unpickling it would run this."""

    def __reduce__(self):
        return (pytest.fail, ("code of a pickle was run",))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([Trap()], dtype=object), "Python objects"),
        (np.zeros((2, 784), np.float32), "is float32 of shape [2, 784], not drawings"),
        (np.zeros((2, 28, 28), np.uint8), "is uint8 of shape [2, 28, 28], not drawings"),
        (np.uint8(3), "is uint8 of shape [], not drawings"),
    ],
)
def test_other_arrays_are_refused(array, reason, tmp_path, refused):
    np.save(tmp_path / "cat.npy", array)
    assert reason in refused("quickdraw", tmp_path, "cat")


@pytest.mark.parametrize("kept", [0, 5, 60, 900])
def test_a_truncated_file_is_told(kept, drawings, refused):
    file = drawings[0] / "cat.npy"
    file.write_bytes(file.read_bytes()[:kept])
    assert f"{file} is damaged or no array of pixels" in refused("quickdraw", drawings[0], "cat")


def test_a_wrong_layout_is_told(tmp_path, refused):
    assert "has no cat.npy; Quick, Draw! is read from" in refused("quickdraw", tmp_path, "cat")
    file = tmp_path / "cat.npz"
    file.write_bytes(b"")
    assert "has no cat.npy" in refused("quickdraw", file, "cat")
