"""Augmentations that change colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchbench.augmentations.base import Augmentation, shared_out
from benchbench.registry.bounds import Bounds, Share
from benchbench.system.arrays import ByteArray

Strength = Annotated[float, Bounds(ge=0, le=1)]

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""The weights of red, green and blue in the lightness of a pixel (ITU-R BT.601)."""


RGB_TO_YIQ = np.array([GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], dtype=np.float32)
"""Lightness and the two axes of colour, of which a turn changes the hue (NTSC)."""


@dataclass
class Jitter(Augmentation):
    """Change brightness, contrast, saturation and hue, in this order, each by a random amount.

    A factor is drawn uniformly from 1 - strength to 1 + strength: of the values, of their distance
    to the image's mean lightness, and of their distance to each pixel's lightness. The hue is
    turned in YIQ, which leaves the lightness. torchvision's ColorJitter has a random order, and
    the hue of HSV. Images that have not three channels have neither saturation nor hue.

    brightness, contrast, saturation: the strengths.
    hue: the most that it is turned to either side, as a share of a whole turn.
    share: the probability that an image is changed.
    """

    name = "jitter"
    brightness: Strength = 0.4
    contrast: Strength = 0.4
    saturation: Strength = 0.4
    hue: Annotated[float, Bounds(ge=0, le=0.5)] = 0.0
    share: Share = 1.0

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        strengths = np.array([self.brightness, self.contrast, self.saturation])
        factors = 1 + strengths * rng.uniform(-1, 1, (len(pixels), 3))
        brightness, contrast, saturation = factors.T.astype(np.float32)[..., None, None, None]
        values = np.clip(brightness * pixels.astype(np.float32), 0, 255)
        mean = lightness(values).mean((1, 2, 3), keepdims=True)
        values = np.clip(mean + contrast * (values - mean), 0, 255)
        if values.shape[3] == len(GREY):
            grey = lightness(values)
            values = np.clip(grey + saturation * (values - grey), 0, 255)
            if self.hue > 0:
                turns = self.hue * rng.uniform(-1, 1, (len(pixels), 1))[:, 0]
                values = np.clip(turned_hue(values, turns), 0, 255)
        return shared_out(pixels, values.round().astype(np.uint8), self.share, rng)


def turned_hue(values: NDArray[np.float32], turns: NDArray[np.float64]) -> NDArray[np.float32]:
    """RGB values [n, h, w, 3] whose hue is turned by so many turns [n] in YIQ."""
    angles = 2 * np.pi * turns
    rotation = np.zeros((len(turns), 3, 3))
    rotation[:, 0, 0] = 1
    rotation[:, 1, 1] = rotation[:, 2, 2] = np.cos(angles)
    rotation[:, 2, 1] = np.sin(angles)
    rotation[:, 1, 2] = -rotation[:, 2, 1]
    matrices = np.linalg.inv(RGB_TO_YIQ) @ rotation @ RGB_TO_YIQ
    flat = values.reshape(len(values), -1, 3)
    turned: NDArray[np.float32] = flat @ matrices.transpose(0, 2, 1).astype(np.float32)
    return turned.reshape(values.shape)


@dataclass
class Grey(Augmentation):
    """Take the colours away: each channel becomes the lightness.

    share: the probability that an image is changed.
    """

    name = "grey"
    share: Share = 0.2

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        if pixels.shape[3] == 1:
            return pixels
        grey = lightness(pixels.astype(np.float32)).round().astype(np.uint8)
        return shared_out(pixels, np.broadcast_to(grey, pixels.shape), self.share, rng)


@dataclass
class Solarise(Augmentation):
    """Invert the values that are not below a threshold.

    threshold: from 0 to 256, above which no value is.
    share: the probability that an image is changed.
    """

    name = "solarise"
    threshold: Annotated[int, Bounds(ge=0, le=256)] = 128
    share: Share = 0.2

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        changed = np.where(pixels >= self.threshold, 255 - pixels, pixels)
        return shared_out(pixels, changed, self.share, rng)


@dataclass
class Blur(Augmentation):
    """Blur by a Gaussian whose standard deviation is drawn uniformly for each image.

    It reaches over a tenth of the image's longer side, as SimCLR's does (arXiv:2002.05709, appendix
    A), and beyond the border are the pixels of the border.

    least, most: bounds of the standard deviation in pixels.
    share: the probability that an image is changed.
    """

    name = "blur"
    least: Annotated[float, Bounds(gt=0)] = 0.1
    most: Annotated[float, Bounds(gt=0)] = 2.0
    share: Share = 0.5

    def __post_init__(self) -> None:
        if self.most < self.least:
            raise ValueError("most must be at least least")

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        count, height, width, channels = pixels.shape
        reach = max(1, max(height, width) // 20)
        deviations = rng.uniform(self.least, self.most, (count, 1))
        kernels = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviations) ** 2)
        kernels = (kernels / kernels.sum(1, keepdims=True)).repeat(channels, axis=0)
        weights = torch.from_numpy(kernels).float()
        maps = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        # Each channel of each image has a kernel of its own, as groups of one convolution have.
        maps = maps.reshape(1, count * channels, height, width)
        for side, pad in (3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach)):
            padded = F.pad(maps, pad, mode="replicate")
            along = weights[:, None, None, :].movedim(-1, side)
            maps = F.conv2d(padded, along, groups=count * channels)
        blurred = maps.view(count, channels, height, width).permute(0, 2, 3, 1)
        changed = blurred.round().clamp(0, 255).byte().contiguous().numpy()
        return shared_out(pixels, changed, self.share, rng)


def lightness(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lightness [n, h, w, 1] of values [n, h, w, c]; their mean unless c is 3."""
    if values.shape[3] != len(GREY):
        mean: NDArray[np.float32] = values.mean(3, keepdims=True)
        return mean
    grey: NDArray[np.float32] = values @ GREY
    return grey[..., None]
