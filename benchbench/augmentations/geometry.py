"""Augmentations that move pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F

from benchbench.augmentations.base import Augmentation
from benchbench.registry.bounds import Bounds, Share
from benchbench.system.arrays import ByteArray


@dataclass
class PadCrop(Augmentation):
    """Pad by black on all sides, then cut out a window of the image's size at a random place.

    pad: pixels on each side; MetaOptNet (arXiv:1904.03758) has 8 at 84 px and 4 at 32 px.
    """

    name = "pad_crop"
    pad: Annotated[int, Bounds(ge=0, le=1024)] = 8

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        count, height, width, _ = pixels.shape
        sides = (self.pad, self.pad)
        padded = np.pad(pixels, ((0, 0), sides, sides, (0, 0)))
        top, left = rng.integers(0, 2 * self.pad, (2, count), endpoint=True)
        rows = top[:, None] + np.arange(height)
        columns = left[:, None] + np.arange(width)
        each = np.arange(count)[:, None, None]
        windows: ByteArray = padded[each, rows[:, :, None], columns[:, None, :]]
        return windows


@dataclass
class Flip(Augmentation):
    """Mirror an image, left to right.

    share: the probability.
    """

    name = "flip"
    share: Share = 0.5

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        mirrored = rng.random(len(pixels)) < self.share
        return np.where(mirrored[:, None, None, None], pixels[:, :, ::-1], pixels)


@dataclass
class Affine(Augmentation):
    """Turn, enlarge and shift an image about its centre; what comes in from outside is its border.

    Each number is drawn uniformly up to its parameter to either side.

    degrees: the angle.
    shift: the distance in each direction, as a share of the side; it comes last.
    scale: the factor less 1.
    """

    name = "affine"
    degrees: Annotated[float, Bounds(ge=0, le=180)] = 10.0
    shift: Share = 0.1
    scale: Annotated[float, Bounds(ge=0, lt=1)] = 0.0

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
        theta = torch.from_numpy(np.stack([across, down], axis=1)).float()
        maps = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        grid = F.affine_grid(theta, list(maps.shape), align_corners=False)
        moved = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)
        return moved.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
