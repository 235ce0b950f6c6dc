"""RandAugment's operations against Pillow's, and what is drawn."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchbench.augmentations import randaugment
from benchbench.augmentations.randaugment import OPERATIONS, RandAugment

PICTURE = np.random.default_rng(0).integers(20, 200, (1, 40, 30, 3), dtype=np.uint8)
FULL = np.ones(1)


def by_pillow(change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    return np.asarray(change(Image.fromarray(PICTURE[0])))


@pytest.mark.parametrize(
    ("number", "strength", "change"),
    [
        (1, 1.0, ImageOps.autocontrast),
        (2, 1.0, ImageOps.equalize),
        (3, 0.5, lambda image: ImageOps.posterize(image, 6)),
        (3, -1.0, lambda image: ImageOps.posterize(image, 4)),
        (4, 0.5, lambda image: ImageOps.solarize(image, 128)),
        (5, 1.0, lambda image: ImageEnhance.Color(image).enhance(1.9)),
        (5, -1.0, lambda image: ImageEnhance.Color(image).enhance(0.1)),
        (6, 1.0, lambda image: ImageEnhance.Contrast(image).enhance(1.9)),
        (7, -0.5, lambda image: ImageEnhance.Brightness(image).enhance(0.55)),
        (8, 1.0, lambda image: ImageEnhance.Sharpness(image).enhance(1.9)),
        (8, -1.0, lambda image: ImageEnhance.Sharpness(image).enhance(0.1)),
    ],
)
def test_a_picture_becomes_what_pillow_makes_of_it(number: int, strength: float, change) -> None:
    """Up to a value or two: Pillow rounds the plain image, with which another is blended."""
    found = OPERATIONS[number](PICTURE, strength * FULL)[0].astype(int)
    assert np.abs(found - by_pillow(change)).max() <= 2


def test_a_smooth_picture_is_pillows() -> None:
    found = randaugment._smooth(PICTURE.astype(np.float32))[0]
    np.testing.assert_allclose(
        found, by_pillow(lambda image: image.filter(ImageFilter.SMOOTH)), atol=0.51
    )


def test_a_picture_of_one_value_stays_as_it_is() -> None:
    flat = np.full((2, 8, 8, 3), 77, np.uint8)
    for operation in OPERATIONS[:4] + OPERATIONS[5:7] + OPERATIONS[8:]:
        unchanged = operation(flat, np.array([0.0, 0.0]))
        np.testing.assert_array_equal(unchanged, flat)


def test_pixels_are_shifted_sheared_and_turned_as_far_as_they_should() -> None:
    picture = np.zeros((1, 20, 20, 1), np.uint8)
    picture[0, 14, 9:11] = 255
    shifted = OPERATIONS[12](picture, FULL / 3)[0, :, :, 0]
    assert np.argwhere(shifted > 200).tolist() == [[14, 7], [14, 8]]
    lowered = OPERATIONS[13](picture, -FULL / 3)[0, :, :, 0]
    assert np.argwhere(lowered > 200).tolist() == [[16, 9], [16, 10]]
    turned = OPERATIONS[9](np.rot90(picture, axes=(1, 2)), np.zeros(1))
    np.testing.assert_array_equal(turned, np.rot90(picture, axes=(1, 2)))


def test_no_magnitude_changes_few_pictures_and_each_gets_operations_of_its_own() -> None:
    pixels = np.repeat(PICTURE, 300, axis=0)
    still = RandAugment(ops=1, magnitude=0)(pixels, np.random.default_rng(0))
    # Contrast from the least to the most value and equal counts have no magnitude.
    assert (still != pixels).any((1, 2, 3)).mean() == pytest.approx(2 / 14, abs=0.05)
    changed = RandAugment(ops=2, magnitude=9)(pixels, np.random.default_rng(0))
    assert len({picture.tobytes() for picture in changed}) > 100


def test_operations_by_the_batch_are_those_of_each_picture_alone() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 12, 11, 3), dtype=np.uint8)
    rng = np.random.default_rng(2)
    chosen, signs = rng.integers(0, len(OPERATIONS), 60), rng.choice([-1.0, 1.0], 60)
    alone = [
        OPERATIONS[number](picture[None], np.array([0.9 * sign]))[0]
        for number, picture, sign in zip(chosen, pixels, signs, strict=True)
    ]
    found = RandAugment(ops=1, magnitude=9)(pixels, np.random.default_rng(2))
    np.testing.assert_array_equal(found, alone)


def test_a_picture_too_small_to_be_smoothed_keeps_its_sharpness() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 2, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(OPERATIONS[8](pixels, np.array([-0.9, 0.4, 0.9])), pixels)
