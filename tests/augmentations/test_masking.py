"""Cutout and random erasing: known results and shares."""

import numpy as np
import pytest

from benchbench.augmentations import create_augmentation
from benchbench.augmentations.masking import Cutout, Erase
from benchbench.errors import BenchbenchError

WHITE = np.full((2000, 20, 30, 3), 255, np.uint8)


def boxes(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and width [n] of what is hidden, which is one rectangle in all channels."""
    hidden = (pixels == 0).all(3)
    assert (hidden == (pixels == 0).any(3)).all()
    height, width = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert (hidden.sum((1, 2)) == height * width).all()
    return height, width


def test_a_square_is_cut_out_around_every_pixel_alike() -> None:
    height, width = boxes(Cutout(size=5)(WHITE, np.random.default_rng(0)))
    assert (height.max(), width.max(), height.min(), width.min()) == (5, 5, 3, 3)
    # 4 of 20 rows and of 30 columns are so near to the border that a part is lost.
    assert (height < 5).mean() == pytest.approx(4 / 20, abs=0.03)
    assert (width < 5).mean() == pytest.approx(4 / 30, abs=0.03)


def test_a_rectangle_is_erased_as_large_and_as_wide_as_was_asked_for() -> None:
    erase = Erase(least=0.1, most=0.3, ratio=1.5, share=1.0)
    height, width = boxes(erase(WHITE, np.random.default_rng(0)))
    share, ratio = height * width / 600, height / width
    assert share.min() == pytest.approx(0.1, abs=0.02)
    assert share.max() == pytest.approx(0.3, abs=0.02)
    assert share.mean() == pytest.approx(0.2, abs=0.01)
    assert ratio.min() > 1 / 1.8
    assert ratio.max() < 1.8


def test_a_share_of_the_images_is_erased_and_the_others_stay() -> None:
    height, _ = boxes(Erase(share=0.25)(WHITE, np.random.default_rng(0)))
    assert (height > 0).mean() == pytest.approx(0.25, abs=0.03)


def test_bounds_that_cross_are_a_sentence() -> None:
    with pytest.raises(BenchbenchError, match="most must be at least least"):
        create_augmentation("erase[least=0.5]")
