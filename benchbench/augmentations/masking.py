"""Augmentations that hide a part of an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Annotated

import numpy as np

from benchbench.augmentations.base import Augmentation, shared_out
from benchbench.registry.bounds import Bounds, Share
from benchbench.system.arrays import ByteArray, IntArray


@dataclass
class Cutout(Augmentation):
    """Hide a square whose centre is anywhere in the image (arXiv:1708.04552).

    size: of the square's sides, in pixels; what lies outside the image is lost.
    value: what the hidden pixels become.
    """

    name = "cutout"
    size: Annotated[int, Bounds(ge=1)] = 16
    value: Annotated[int, Bounds(ge=0, le=255)] = 0

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        count, height, width, _ = pixels.shape
        centre = rng.integers(0, [height, width], (count, 2))
        first = centre - self.size // 2
        return _hidden(pixels, first, first + self.size, self.value)


@dataclass
class Erase(Augmentation):
    """Hide a rectangle of random size, sides and place (random erasing, arXiv:1708.04896).

    It lies within the image, whose sides bound its own.

    least, most: bounds of its share of the area, which is drawn uniformly.
    ratio: the most that height over width may differ from 1, as a factor to either side; its
        logarithm is drawn uniformly.
    value: what the hidden pixels become.
    share: the probability that an image is changed.
    """

    name = "erase"
    least: Annotated[float, Bounds(gt=0, le=1)] = 0.02
    most: Annotated[float, Bounds(gt=0, le=1)] = 0.33
    ratio: Annotated[float, Bounds(ge=1, le=100)] = 10 / 3
    value: Annotated[int, Bounds(ge=0, le=255)] = 0
    share: Share = 0.5

    def __post_init__(self) -> None:
        if self.most < self.least:
            raise ValueError("most must be at least least")

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        count, height, width, _ = pixels.shape
        area = rng.uniform(self.least, self.most, (count, 1))[:, 0] * height * width
        ratio = np.exp(rng.uniform(-1, 1, (count, 1))[:, 0] * log(self.ratio))
        sides = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], axis=1)
        sides = sides.round().astype(np.int64).clip(1, [height, width])
        first = np.floor(rng.random((count, 2)) * ([height, width] - sides + 1)).astype(np.int64)
        changed = _hidden(pixels, first, first + sides, self.value)
        return shared_out(pixels, changed, self.share, rng)


def _hidden(pixels: ByteArray, first: IntArray, end: IntArray, value: int) -> ByteArray:
    """Images whose rows and columns from `first` [n, 2] to before `end` [n, 2] are hidden."""
    hidden = pixels.copy()
    # A place before the image's first one would be counted from its end.
    corners = zip(first.clip(0).tolist(), end.clip(0).tolist(), strict=True)
    for image, ((top, left), (bottom, right)) in zip(hidden, corners, strict=True):
        image[top:bottom, left:right] = value
    return hidden
