"""Framed pictures are those of the libraries of networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.image_bytes import encoded, oriented

from benchbench.datasets.reading.conversion import Conversion
from benchbench.datasets.reading.framed import LONG, decode_framed, framed
from benchbench.system.framing import Framing
from benchbench.system.vision import torchvision

RGB = Conversion("RGB")


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


@given(
    st.integers(20, 90),
    st.integers(20, 90),
    st.integers(5, 40),
    st.floats(0.5, 1),
    st.sampled_from(["bilinear", "bicubic"]),
)
@settings(max_examples=40)
def test_a_picture_is_framed_as_torchvision_does_it(
    height: int, width: int, side: int, crop: float, interpolation: str
) -> None:
    transforms = torchvision("transforms")
    image, framing = noise(height, width), Framing((side, side), crop, interpolation)
    filter_ = transforms.InterpolationMode(interpolation)
    expected = transforms.CenterCrop(side)(
        transforms.Resize(framing.target[0], interpolation=filter_)(image)
    )
    np.testing.assert_array_equal(np.asarray(framed(image, framing)), np.asarray(expected))


@pytest.mark.parametrize("mode", ["center", "squash"])
def test_a_picture_is_framed_as_timm_does_it(mode: str) -> None:
    timm_data = pytest.importorskip("timm.data")
    image = noise(50, 70)
    transform = timm_data.create_transform(
        32, crop_pct=0.875, crop_mode=mode, interpolation="bicubic", normalize=False
    )
    framing = Framing((32, 32), 0.875, "bicubic", squash=mode == "squash")
    found = np.moveaxis(np.asarray(framed(image, framing)), 2, 0)
    np.testing.assert_array_equal(found, transform(image).numpy())


@given(st.integers(1, 3), st.integers(10, 40), st.booleans())
def test_a_long_picture_is_resized_inside_the_cut_alone(
    short: int, times: int, upright: bool
) -> None:
    size = (short, short * times * LONG)
    image = noise(*(size[::-1] if upright else size))
    whole = image.resize(((8, 8 * times * LONG) if upright else (8 * times * LONG, 8)), 2)
    middle = (8 * times * LONG - 8) // 2
    box = (0, middle, 8, middle + 8) if upright else (middle, 0, middle + 8, 8)
    found = np.asarray(framed(image, Framing((8, 8))), np.int64)
    assert abs(found - np.asarray(whole.crop(box), np.int64)).max() <= 1


def test_a_picture_of_the_size_is_left_untouched() -> None:
    image = noise(16, 16)
    found = decode_framed(lambda: encoded(image), Framing((16, 16)), RGB)
    np.testing.assert_array_equal(found, np.asarray(image))


def test_pictures_are_turned_upright_and_put_on_the_background() -> None:
    image = noise(16, 16)
    turned = encoded(image.transpose(Image.Transpose.ROTATE_90), exif=oriented(6))
    np.testing.assert_array_equal(
        decode_framed(lambda: turned, Framing((16, 16)), RGB), np.asarray(image)
    )
    clear = encoded(Image.new("RGBA", (4, 4)))
    found = decode_framed(lambda: clear, Framing((4, 4)), Conversion("RGB", "#0080ff"))
    assert np.unique(found.reshape(-1, 3), axis=0).tolist() == [[0, 128, 255]]


def test_a_grey_set_has_one_channel() -> None:
    found = decode_framed(lambda: encoded(noise(4, 4)), Framing((2, 2)), Conversion("L"))
    assert found.shape == (2, 2, 1)
