"""Resizing and converting, against Pillow and against torch's version of the authors' resizing."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.tfrecord_writer import plain

from benchbench.datasets.meta_dataset.resizing import prepare, resize_as_published

SIDES = st.integers(1, 40)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(height=SIDES, width=SIDES, size=st.integers(2, 30))
def test_published_resizing_is_bilinear_between_aligned_corners(height, width, size) -> None:
    image = noise(height, width)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    expected = torch.nn.functional.interpolate(
        planes, (size, size), mode="bilinear", align_corners=True
    )[0].permute(1, 2, 0)
    found = resize_as_published(image, size).astype(float)
    assert np.abs(found - expected.numpy()).max() <= 0.5001


def test_published_resizing_samples_and_does_not_average() -> None:
    stripes = np.zeros((9, 9, 3), np.uint8)
    stripes[:, 1::2] = 255
    assert (resize_as_published(stripes, 5) == 0).all()
    averaged = prepare(Image.fromarray(stripes), 5, "bilinear")
    assert averaged.mean() > 50


def test_published_resizing_to_one_pixel_takes_the_first() -> None:
    image = noise(5, 7)
    assert (resize_as_published(image, 1) == image[:1, :1]).all()


@pytest.mark.parametrize("interpolation", ["published", "bilinear"])
def test_an_image_of_the_size_stays_as_it_is(interpolation: str) -> None:
    image = noise(8, 8)
    assert (prepare(Image.fromarray(image), 8, interpolation) == image).all()


def test_other_interpolations_are_those_of_pillow() -> None:
    image = Image.fromarray(noise(20, 30))
    expected = np.asarray(image.resize((7, 7), Image.Resampling.BICUBIC))
    assert (prepare(image, 7, "bicubic") == expected).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I"])
def test_any_mode_becomes_colour(mode: str) -> None:
    found = prepare(plain(255).convert(mode), 4, "bilinear")
    assert found.shape == (4, 4, 3)
    assert found.dtype == np.uint8
    assert (found == 255).all()


def test_grey_becomes_three_equal_channels() -> None:
    found = prepare(plain(77, mode="L"), 4, "published")
    assert (found == 77).all()
