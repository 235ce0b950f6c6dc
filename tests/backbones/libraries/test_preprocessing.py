"""Preparation: size, channels and scale, against Pillow and by hand."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchbench.backbones.libraries.preprocessing import Preparation


def drawn(height: int, width: int, channels: int, count: int = 1) -> Tensor:
    """Smooth random images, uint8 [n, c, h, w]."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 6, 7, channels), dtype=np.uint8)
    images = [
        np.stack([np.asarray(Image.fromarray(c).resize((width, height))) for c in image.T])
        for image in coarse
    ]
    return torch.from_numpy(np.stack(images))


def test_values_are_scaled_and_normalised_by_channel() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1)
    prepared = Preparation(mean=(0.1, 0.2, 0.5), std=(1.0, 0.5, 0.25))(images)
    assert prepared.dtype == torch.float32
    torch.testing.assert_close(prepared.flatten(), torch.tensor([-0.1, 0.0, 2.0]))


def test_by_default_values_run_from_minus_one_to_one_and_sizes_stay() -> None:
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 2, 128)
    prepared = Preparation()(images)
    assert prepared.shape == (1, 3, 2, 128)
    torch.testing.assert_close(prepared[0, 1].flatten(), torch.linspace(-1, 1, 256))


@pytest.mark.parametrize(("channels", "given"), [(3, 1), (3, 2), (1, 1), (1, 2)])
def test_grey_is_repeated_and_alpha_dropped(channels: int, given: int) -> None:
    images = drawn(5, 6, given)
    prepared = Preparation(channels, mean=(0.0,), std=(1.0,))(images)
    assert torch.equal(prepared, (images[:, :1] / 255).expand(1, channels, 5, 6))


@pytest.mark.parametrize("given", [3, 4])
def test_colour_becomes_grey_as_in_pillow(given: int) -> None:
    images = drawn(9, 9, given)
    grey = np.asarray(Image.fromarray(images[0, :3].permute(1, 2, 0).numpy()).convert("L"))
    prepared = Preparation(1, mean=(0.0,), std=(1.0,))(images)[0, 0] * 255
    assert np.abs(prepared.numpy() - grey).max() <= 1.001


def test_a_grey_network_takes_the_mean_of_the_colours_moments() -> None:
    images = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)
    prepared = Preparation(1, mean=(0.1, 0.2, 0.3), std=(0.2, 0.4, 0.6))(images)
    torch.testing.assert_close(prepared, torch.full((1, 1, 2, 2), 2.0))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(84, 84), (28, 28), (105, 70), (40, 151), (300, 257)])
@pytest.mark.parametrize("crop", [0.875, 1.0, 0.95])
def test_resizing_and_cropping_are_torchvisions_on_pillow_images(
    interpolation: str, shape: tuple[int, int], crop: float
) -> None:
    from benchbench.system.vision import torchvision

    transforms = torchvision("transforms")
    images = drawn(*shape, 3)
    mode = transforms.InterpolationMode(interpolation)
    resize = transforms.Resize(int(96 / crop + 1e-6), interpolation=mode)
    image = Image.fromarray(images[0].permute(1, 2, 0).numpy())
    expected = np.asarray(transforms.CenterCrop(96)(resize(image))).astype(float)
    preparation = Preparation(
        size=(96, 96), mean=(0.0,), std=(1.0,), interpolation=interpolation, crop=crop
    )
    found = preparation(images)[0].permute(1, 2, 0).numpy() * 255
    assert found.shape == expected.shape
    # Pillow rounds between its two passes.
    assert np.abs(found - expected).max() <= 2.001
    assert np.abs(found - expected).mean() < 0.5


def test_the_size_before_cropping_is_that_of_the_library() -> None:
    """224 / (224 / 232) is below 232 in floating point."""
    images = drawn(232, 232, 3)
    prepared = Preparation(size=(224, 224), mean=(0.0,), std=(1.0,), crop=224 / 232)(images)
    assert torch.equal(prepared, images[:, :, 4:228, 4:228] / 255)


def test_squashing_keeps_what_cropping_cuts_off() -> None:
    images = torch.zeros(1, 1, 10, 40, dtype=torch.uint8)
    images[..., :10] = 255
    cropped, squashed = (Preparation(1, size=(10, 10), squash=s)(images) for s in (False, True))
    assert cropped.shape == squashed.shape == (1, 1, 10, 10)
    assert (cropped == -1).all()
    assert (squashed[..., 0] == 1).all()


def test_images_do_not_change_and_batches_do_not_matter() -> None:
    images = drawn(30, 30, 3, count=5)
    before = images.clone()
    preparation = Preparation(size=(48, 48), interpolation="bicubic", crop=0.9)
    together = preparation(images)
    assert torch.equal(images, before)
    assert torch.equal(together, torch.cat([preparation(image[None]) for image in images]))


def test_every_fact_is_in_the_text_that_features_are_cached_under() -> None:
    plain = Preparation()
    others = [
        Preparation(1),
        Preparation(size=(9, 9)),
        Preparation(mean=(0.4,)),
        Preparation(std=(0.4,)),
        Preparation(interpolation="bicubic"),
        Preparation(crop=0.9),
        Preparation(squash=True),
    ]
    assert len({str(preparation) for preparation in [plain, *others]}) == 8


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"channels": 4}, "4 channels"),
        ({"size": (0, 0)}, "size must be at least 1"),
        ({"crop": 0.0}, "crop must be above 0"),
        ({"crop": 1.1}, "at most 1"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be above 0"),
        ({"mean": (0.5, 0.5)}, "mean has 2 values for 3 channels"),
    ],
)
def test_facts_that_cannot_be(facts: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Preparation(**facts)


def test_images_of_five_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="5 channels"):
        Preparation()(drawn(2, 2, 5))
