"""Augmentations that move pixels: known results."""

import numpy as np
import pytest
import torch

from benchbench.augmentations import geometry
from benchbench.augmentations.geometry import Affine, Crop, Flip, PadCrop
from benchbench.system.vision import torchvision


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


def windows(crop: Crop, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The share of the area and width over height of 1000 windows, by the ramps that they show."""
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    ramps = np.stack([across, down], axis=2).astype(np.uint8)
    cut = crop(np.repeat(ramps[None], 1000, axis=0), np.random.default_rng(0)).astype(float)
    seen_width = cut[..., 0].max((1, 2)) - cut[..., 0].min((1, 2)) + 1
    seen_height = cut[..., 1].max((1, 2)) - cut[..., 1].min((1, 2)) + 1
    return seen_width * seen_height / (width * height), seen_width / seen_height


@pytest.mark.parametrize("shape", [(100, 100), (90, 120)])
def test_windows_have_areas_and_sides_as_they_were_asked_for(shape: tuple[int, int]) -> None:
    share, ratio = windows(Crop(scale=0.2, ratio=1.5), *shape)
    assert share.min() == pytest.approx(0.2, abs=0.03)
    assert share.max() <= 1
    assert ratio.min() == pytest.approx(1 / 1.5, rel=0.06)
    assert ratio.max() == pytest.approx(1.5, rel=0.06)


def test_small_windows_are_of_every_size_alike() -> None:
    """Those of up to half the area always fit, whatever their sides are."""
    share, _ = windows(Crop(scale=0.01, ratio=1.0), 100, 100)
    counts, _ = np.histogram(share, bins=5, range=(0, 1))
    assert counts == pytest.approx(np.full(5, 200), rel=0.2)


def test_a_window_is_enlarged_as_torchvision_enlarges_it() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)

    class Drawn:
        def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
            """A quarter of the area, square, at the left below."""
            area, ratio, place = [0.25], [0.0], [-1.0, 1.0]
            given = {(10, 1): area if high == 1 and low > 0 else ratio, (1, 2): place}[shape]
            return np.broadcast_to(given, shape)

    cut = Crop()(picture, Drawn())
    maps = torch.from_numpy(picture).permute(0, 3, 1, 2)
    resized_crop = torchvision("transforms.v2.functional").resized_crop
    expected = resized_crop(maps, 8, 0, 8, 8, [16, 16], antialias=True).permute(0, 2, 3, 1)
    # At the borders of the window ours reads what lies beyond.
    inner = np.s_[:, 1:-1, 1:-1]
    np.testing.assert_allclose(cut[inner], expected.numpy()[inner], atol=1)


def test_a_window_of_all_of_the_image_is_the_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        Crop(scale=1.0, ratio=1.0)(pixels, np.random.default_rng(1)), pixels
    )


def test_a_window_that_never_fits_is_all_of_the_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 40, 1), dtype=np.uint8)
    np.testing.assert_array_equal(
        Crop(scale=1.0, ratio=1.0)(pixels, np.random.default_rng(1)), pixels
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (28, 28), (33, 32), (84, 84)])
@pytest.mark.parametrize("count", [1, 4])
def test_the_grid_is_that_of_pytorch(shape: tuple[int, int], count: int) -> None:
    theta = torch.randn((count, 2, 3), generator=torch.Generator().manual_seed(count))
    theirs = torch.nn.functional.affine_grid(theta, [count, 1, *shape], align_corners=False)
    # To the last bit, but on processors that fuse the product and the sum of `affine_grid`.
    torch.testing.assert_close(geometry._grid(theta, *shape), theirs, rtol=1e-6, atol=1e-6)


def test_a_window_and_a_mirror_keep_the_channels_of_each_pixel() -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (40, 6, 5, 3), dtype=np.uint8)
    known = {tuple(pixel) for pixel in pixels.reshape(-1, 3)} | {(0, 0, 0)}
    for augmentation in (PadCrop(pad=2), Flip()):
        changed = augmentation(pixels, np.random.default_rng(1))
        assert {tuple(pixel) for pixel in changed.reshape(-1, 3)} <= known
    assert len(PadCrop(pad=2)(pixels[:0], np.random.default_rng(1))) == 0
