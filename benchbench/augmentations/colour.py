"""Augmentations that change colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from benchbench.augmentations.base import Augmentation
from benchbench.registry.bounds import Bounds
from benchbench.system.arrays import ByteArray

Strength = Annotated[float, Bounds(ge=0, le=1)]

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""The weights of red, green and blue in the lightness of a pixel (ITU-R BT.601)."""


@dataclass
class Jitter(Augmentation):
    """Change brightness, contrast and saturation, in this order, each by a random factor.

    A factor is drawn uniformly from 1 - strength to 1 + strength: of the values, of their distance
    to the image's mean lightness, and of their distance to each pixel's lightness. Images that have
    not three channels have no saturation.

    brightness, contrast, saturation: the strengths.
    """

    name = "jitter"
    brightness: Strength = 0.4
    contrast: Strength = 0.4
    saturation: Strength = 0.4

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
        changed: ByteArray = values.round().astype(np.uint8)
        return changed


def lightness(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lightness [n, h, w, 1] of values [n, h, w, c]; their mean unless c is 3."""
    if values.shape[3] != len(GREY):
        mean: NDArray[np.float32] = values.mean(3, keepdims=True)
        return mean
    grey: NDArray[np.float32] = values @ GREY
    return grey[..., None]
