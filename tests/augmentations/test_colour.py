"""Jitter: known results."""

import numpy as np
import pytest

from benchbench.augmentations.colour import Jitter


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
