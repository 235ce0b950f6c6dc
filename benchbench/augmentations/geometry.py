"""Augmentations that move pixels."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.augmentations.base import Augmentation, pixels_of
from benchbench.registry.bounds import Bounds, Share
from benchbench.system.arrays import ByteArray, FloatArray

ATTEMPTS = 10
"""Windows are drawn so often before the whole image is taken."""


@dataclass
class PadCrop(Augmentation):
    """Pad by black on all sides, then cut out a window of the image's size at a random place.

    pad: pixels on each side; MetaOptNet (arXiv:1904.03758) has 8 at 84 px and 4 at 32 px.
    """

    name = "pad_crop"
    pad: Annotated[int, Bounds(ge=0, le=1024)] = 8

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        count, height, width, channels = pixels.shape
        pad = self.pad
        padded = np.zeros((count, height + 2 * pad, width + 2 * pad, channels), dtype=np.uint8)
        padded[:, pad : pad + height, pad : pad + width] = pixels
        top, left = rng.integers(0, 2 * pad, (2, count), endpoint=True)
        # The channels of a row's pixels are one axis, so that a window's rows are copied whole.
        rows = padded.reshape(*padded.shape[:2], padded.shape[2] * channels)
        windows = np.lib.stride_tricks.sliding_window_view(rows, (height, width * channels), (1, 2))
        cut: ByteArray = windows[np.arange(count), top, left * channels]
        return cut.reshape(pixels.shape)


@dataclass
class Flip(Augmentation):
    """Mirror an image, left to right.

    share: the probability.
    """

    name = "flip"
    share: Share = 0.5

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        mirrored = rng.random(len(pixels)) < self.share
        changed = pixels.copy()
        changed[mirrored] = torch.from_numpy(pixels[mirrored]).flip(2).numpy()
        return changed


@dataclass
class Crop(Augmentation):
    """Cut out a window of random size, sides and place, and enlarge it to the image's size.

    So does RandomResizedCrop of torchvision, whose defaults these are; if no window fits that was
    drawn, the whole image is taken.

    scale: the least share of the image's area; the share is drawn uniformly from it to 1.
    ratio: the most that width over height of a window may differ from 1, as a factor to either
        side; its logarithm is drawn uniformly.
    """

    name = "crop"
    scale: Annotated[float, Bounds(gt=0, le=1)] = 0.08
    ratio: Annotated[float, Bounds(ge=1, le=100)] = 4 / 3

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        height, width = pixels.shape[1:3]
        sides = self._sides(len(pixels), width / height, rng)
        # In the coordinates of `affine_grid` each side is 2 long, from -1 on.
        centres = (1 - sides) * rng.uniform(-1, 1, (len(pixels), 2))
        none = np.zeros(len(pixels))
        across = np.stack([sides[:, 0], none, centres[:, 0]], axis=1)
        down = np.stack([none, sides[:, 1], centres[:, 1]], axis=1)
        return resampled(pixels, np.stack([across, down], axis=1))

    def _sides(self, count: int, aspect: float, rng: np.random.Generator) -> FloatArray:
        """Width and height [count, 2] of windows, as shares of the image's."""
        area = rng.uniform(self.scale, 1, (ATTEMPTS, count))
        ratio = np.exp(rng.uniform(-1, 1, (ATTEMPTS, count)) * log(self.ratio)) / aspect
        sides = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], axis=2)
        fits = sides.max(axis=2) <= 1
        first = fits.argmax(axis=0), np.arange(count)
        return np.where(fits[first][:, None], sides[first], 1.0)


@dataclass
class Affine(Augmentation):
    """Turn, enlarge and shift an image about its centre; what comes in from outside is its border.

    Each number is drawn uniformly up to its parameter to either side.

    degrees: the angle.
    shift: the distance in each direction, as a share of the side; it comes last.
    scale: the factor less 1.
    shear: how far the lower border is shifted against the upper one, as a share of the height.
    """

    name = "affine"
    degrees: Annotated[float, Bounds(ge=0, le=180)] = 10.0
    shift: Share = 0.1
    scale: Annotated[float, Bounds(ge=0, lt=1)] = 0.0
    shear: Share = 0.0

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        count, height, width, _ = pixels.shape
        drawn = rng.uniform(-1, 1, (count, 4))
        angle = np.deg2rad(self.degrees) * drawn[:, 0]
        factor = 1 / (1 + self.scale * drawn[:, 1])
        cosine, sine = factor * np.cos(angle), factor * np.sin(angle)
        # In the coordinates of `affine_grid` each side is 2 long.
        wide, high = width / height, height / width
        x, y = (-2 * self.shift * drawn[:, 2:]).T
        across = np.stack([cosine, -sine * high, cosine * x - sine * high * y], axis=1)
        down = np.stack([sine * wide, cosine, sine * wide * x + cosine * y], axis=1)
        if self.shear > 0:
            across += self.shear * rng.uniform(-1, 1, (count, 1)) * high * down
        return resampled(pixels, np.stack([across, down], axis=1))


def resampled(pixels: ByteArray, theta: FloatArray) -> ByteArray:
    """Each image where its matrix theta [n, 2, 3] takes it, as `affine_grid` has it."""
    maps = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    grid = _grid(torch.from_numpy(theta).float(), *pixels.shape[1:3])
    moved = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    # These are means of bytes, which are never outside their range.
    return pixels_of(moved.round_().numpy())


def _grid(theta: Tensor, height: int, width: int) -> Tensor:
    """The numbers of `affine_grid` [n, h, w, 2] in a part of its time.

    It multiplies each matrix [2, 3] by each place (x, y, 1); but x differs only between columns,
    and y between rows.
    """
    across, down, shift = theta[..., None, None].unbind(2)
    grid = across * _centres(width) + down * _centres(height)[:, None]
    return grid.add_(shift).permute(0, 2, 3, 1)


def _centres(side: int) -> Tensor:
    """The centres [side] of a side's pixels, whose outer borders are at -1 and 1."""
    return torch.linspace(-1, 1, side) * (side - 1) / side if side > 1 else torch.zeros(1)
