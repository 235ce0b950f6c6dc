"""Changes of colours: known results."""

import numpy as np
import pytest
import torch

from benchbench.augmentations.colour import Blur, Grey, Jitter, Solarise, lightness, turned_hue
from benchbench.system.vision import torchvision


class Always:
    """A generator that draws one number throughout."""

    def __init__(self, number: float) -> None:
        self.number = number

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, self.number)


PIXELS = np.array([[[[100, 200, 50], [60, 60, 60]]]], np.uint8)


@pytest.mark.parametrize(
    ("jitter", "number", "expected"),
    [
        (Jitter(0.5, 0, 0), 1, [[150, 255, 75], [90, 90, 90]]),
        (Jitter(1, 0, 0), -1, [[0, 0, 0], [0, 0, 0]]),
        # The lightness is 153 and 60, its mean 106.5.
        (Jitter(0, 1, 0), -1, [[106, 106, 106]] * 2),
        (Jitter(0, 0, 1), -1, [[153, 153, 153], [60, 60, 60]]),
        (Jitter(0, 0, 0.5), 1, [[74, 224, 0], [60, 60, 60]]),
    ],
)
def test_a_colour_becomes_what_it_should(jitter: Jitter, number: float, expected) -> None:
    assert jitter(PIXELS, Always(number))[0, 0].tolist() == expected


def test_grey_images_have_no_saturation() -> None:
    grey = PIXELS[..., :1]
    assert (Jitter(0, 0, 1)(grey, Always(-1)) == grey).all()
    assert Jitter(0, 1, 0)(grey, Always(-1)).tolist() == [[[[80], [80]]]]


def test_a_turn_of_the_hue_leaves_the_lightness_and_greys() -> None:
    values = np.random.default_rng(0).uniform(90, 160, (5, 4, 4, 3)).astype(np.float32)
    turns = np.array([0.0, 0.1, -0.1, 0.5, 1.0])
    turned = turned_hue(values, turns)
    np.testing.assert_allclose(lightness(turned), lightness(values), atol=0.01)
    np.testing.assert_allclose(turned[[0, 4]], values[[0, 4]], atol=0.01)
    np.testing.assert_allclose(turned_hue(turned, -turns), values, atol=0.02)
    assert np.abs(turned[1] - values[1]).max() > 1
    grey = np.full((1, 2, 2, 3), 50, np.float32)
    np.testing.assert_allclose(turned_hue(grey, np.array([0.3])), grey, atol=0.01)


def test_a_third_of_a_turn_takes_the_hue_a_third_around() -> None:
    """Pure red has its hue at 0 in HSV; a third around, green is the largest."""
    red = np.array([[[[150, 100, 100]]]], np.float32)
    assert turned_hue(red, np.array([1 / 3]))[0, 0, 0].argmax() != 0
    assert turned_hue(red, np.array([2 / 3]))[0, 0, 0].argmax() not in (
        0,
        turned_hue(red, np.array([1 / 3]))[0, 0, 0].argmax(),
    )


@pytest.mark.parametrize(
    ("augmentation", "expected"),
    [
        (Grey(share=1), [[153, 153, 153], [60, 60, 60]]),
        (Solarise(share=1), [[100, 55, 50], [60, 60, 60]]),
        (Solarise(threshold=0, share=1), [[155, 55, 205], [195, 195, 195]]),
    ],
)
def test_colours_are_taken_or_inverted(augmentation, expected) -> None:
    assert augmentation(PIXELS, np.random.default_rng(0))[0, 0].tolist() == expected


@pytest.mark.parametrize(
    "augmentation",
    [Jitter(0, 1, 0, share=0.25), Grey(share=0.25), Solarise(64, 0.25), Blur(1, 1, 0.25)],
)
def test_a_share_of_the_images_is_changed(augmentation) -> None:
    pixels = np.repeat(np.random.default_rng(1).integers(0, 256, (1, 6, 6, 3), np.uint8), 800, 0)
    changed = (augmentation(pixels, np.random.default_rng(0)) != pixels).any((1, 2, 3))
    assert changed.mean() == pytest.approx(0.25, abs=0.05)


def test_a_picture_is_blurred_as_torchvision_blurs_it() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, 40, 60, 3), dtype=np.uint8)
    found = Blur(least=1.3, most=1.3, share=1)(picture, np.random.default_rng(0))
    maps = torch.from_numpy(picture).permute(0, 3, 1, 2)
    blur = torchvision("transforms.v2.functional").gaussian_blur
    expected = blur(maps, [7, 7], [1.3, 1.3]).permute(0, 2, 3, 1).numpy()
    inner = np.s_[:, 3:-3, 3:-3]
    np.testing.assert_allclose(found[inner].astype(int), expected[inner].astype(int), atol=1)
