"""Augmentations that move pixels: known results."""

import numpy as np
import pytest

from benchbench.augmentations.geometry import Affine, Flip, PadCrop


class Scripted:
    """A generator whose uniform numbers from -1 to 1 are given."""

    def __init__(self, *rows: list[float]) -> None:
        self.rows = np.array(rows)

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        assert (low, high, shape) == (-1, 1, self.rows.shape)
        return self.rows


def dot(row: int, column: int, shape: tuple[int, int] = (8, 8)) -> np.ndarray:
    picture = np.zeros((1, *shape, 1), np.uint8)
    picture[0, row, column] = 200
    return picture


def test_windows_of_padded_images_are_everywhere() -> None:
    pixels = np.full((400, 4, 4, 1), 9, np.uint8)
    sums = (PadCrop(pad=1)(pixels, np.random.default_rng(0)) // 9).sum((1, 2, 3))
    # The middle, 4 sides of which a row or a column is lost, and 4 corners.
    shares = {16: 1 / 9, 12: 4 / 9, 9: 4 / 9}
    assert set(sums.tolist()) == set(shares)
    for total, share in shares.items():
        assert (sums == total).mean() == pytest.approx(share, abs=0.1)
    np.testing.assert_array_equal(PadCrop(pad=0)(pixels, np.random.default_rng(0)), pixels)


def test_a_share_of_the_images_is_mirrored() -> None:
    pixels = np.repeat(dot(1, 0), 400, axis=0)
    flipped = Flip(share=0.25)(pixels, np.random.default_rng(0))[:, 1, 7, 0] == 200
    assert flipped.mean() == pytest.approx(0.25, abs=0.08)
    assert (Flip(share=1.0)(pixels, np.random.default_rng(0)) == pixels[:, :, ::-1]).all()


@pytest.mark.parametrize(
    ("affine", "drawn", "row", "column"),
    [
        (Affine(degrees=90, shift=0), [1, 0, 0, 0], 6, 2),
        (Affine(degrees=90, shift=0), [-1, 0, 0, 0], 1, 5),
        (Affine(degrees=0, shift=0.5), [0, 0, 0.5, 0], 2, 3),
        (Affine(degrees=0, shift=0.5), [0, 0, 0, -0.25], 1, 1),
        (Affine(degrees=180, shift=0.5), [1, 0, 0, -1], 1, 6),
    ],
)
def test_a_pixel_goes_where_it_should(affine, drawn, row: int, column: int) -> None:
    """From row 2, column 1 of 8 x 8; angles are counter-clockwise, and shifts come last."""
    moved = affine(dot(2, 1), Scripted(drawn))
    assert np.argwhere(moved[0, :, :, 0] > 150).tolist() == [[row, column]]


def test_no_change_is_none_and_images_need_not_be_square() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 6, 10, 3), dtype=np.uint8)
    still = Affine(degrees=45, shift=0.3, scale=0.5)(pixels, Scripted(*[[0.0] * 4] * 3))
    np.testing.assert_array_equal(still, pixels)
    turned = Affine(degrees=180, shift=0)(pixels, Scripted(*[[1.0, 0, 0, 0]] * 3))
    np.testing.assert_array_equal(turned, pixels[:, ::-1, ::-1])


def test_a_larger_scale_enlarges() -> None:
    square = np.zeros((1, 16, 16, 1), np.uint8)
    square[0, 6:10, 6:10] = 255
    grown = Affine(degrees=0, shift=0, scale=0.5)(square, Scripted([0, 1, 0, 0]))
    assert int((grown > 127).sum()) == 36
