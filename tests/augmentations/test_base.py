"""Specs of augmentations, and what all of them keep to."""

import numpy as np
import pytest

from benchbench.augmentations import create_augmentation
from benchbench.augmentations.base import Augmentation
from benchbench.errors import BenchbenchError

ALL = (
    "affine[degrees=20,shift=0.2,scale=0.1,shear=0.3]+pad_crop[pad=2] + flip + crop + "
    "jitter[contrast=0.2,hue=0.1,share=0.8] + solarise[share=0.5] + blur + erase + "
    "cutout[size=3] + randaugment"
)


def pictures(count: int = 6, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 9, 7, channels), dtype=np.uint8)


@pytest.mark.parametrize("spec", [*ALL.split("+"), ALL])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_numbers_give_the_same_pictures_each_changed_in_its_own_way(
    spec: str, channels: int
) -> None:
    augment, pixels = create_augmentation(spec), pictures(channels=channels)
    pixels[:] = pixels[0]
    before = pixels.copy()
    first, again = (augment(pixels, np.random.default_rng(3)) for _ in range(2))
    other = augment(pixels, np.random.default_rng(4))
    assert (first.shape, first.dtype) == (pixels.shape, np.uint8)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(pixels, before)
    assert (first != other).any()
    assert len({picture.tobytes() for picture in first}) > 1


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("flop", "did you mean flip"),
        ("pad_crop[pad=-1]", "pad must be at least 0"),
        ("flip[share=2]", "share must be at least 0 and at most 1"),
        ("", "No augmentation is named"),
    ],
)
def test_a_mistake_in_a_spec_is_a_sentence(spec: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_augmentation(spec)


def test_what_a_subclass_forgot_is_named() -> None:
    with pytest.raises(NotImplementedError, match="Augmentation has no __call__"):
        Augmentation()(pictures(), np.random.default_rng(0))
