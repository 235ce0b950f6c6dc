"""RandAugment (Cubuk et al., 2020, arXiv:1909.13719)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from benchbench.augmentations.base import Augmentation, pixels_of, planes_of
from benchbench.augmentations.colour import lightness
from benchbench.augmentations.geometry import resampled
from benchbench.registry.bounds import Bounds
from benchbench.system.arrays import ByteArray, FloatArray, IntArray

LARGEST = 10
"""Of the magnitudes."""

Values = NDArray[np.float32]
Operation = Callable[[ByteArray, FloatArray], ByteArray]
"""What takes pixels [n, h, w, c] and strengths [n], from -1 to 1."""
Move = Callable[[FloatArray], FloatArray]


@dataclass
class RandAugment(Augmentation):
    """Change each image by some operations that are drawn for it, with replacement.

    The operations are the identity, contrast from the least to the most value, equal counts of all
    values, rotation, solarisation, fewer bits, saturation, contrast, brightness, sharpness, shear
    and shift in either direction (section 3.1); those with a sign have a random one. Magnitudes
    are those of the paper's code, whose shifts are in pixels of 32 and here in shares of the side.

    ops: how many operations an image goes through.
    magnitude: of each, up to 10.
    """

    name = "randaugment"
    ops: Annotated[int, Bounds(ge=1, le=20)] = 2
    magnitude: Annotated[float, Bounds(ge=0, le=LARGEST)] = 9.0

    def __call__(self, pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        changed = pixels.copy()
        for _ in range(self.ops):
            chosen = rng.integers(0, len(IN_PLACE) + len(MOVES), len(pixels))
            strength = rng.choice([-1.0, 1.0], len(pixels)) * self.magnitude / LARGEST
            for number, operation in enumerate(IN_PLACE):
                of = np.flatnonzero(chosen == number)
                if len(of):
                    changed[of] = operation(changed[of], strength[of])
            moved = np.flatnonzero(chosen >= len(IN_PLACE))
            if len(moved):
                theta = _chosen_matrices(chosen[moved] - len(IN_PLACE), strength[moved])
                changed[moved] = resampled(changed[moved], theta)
        return changed


def auto_contrast(pixels: ByteArray, strength: FloatArray) -> ByteArray:
    """Stretch each channel of each image to all values; one of a single value stays."""
    planes = planes_of(pixels)
    flat = planes.reshape(*planes.shape[:2], -1)
    least = flat.min(2, keepdims=True).astype(np.float32)
    span = flat.max(2, keepdims=True) - least
    stretched = _rounded((flat - least) * (255 / np.maximum(span, 1)))
    return pixels_of(np.where(span > 0, stretched, flat).reshape(planes.shape))


def equalise(pixels: ByteArray, strength: FloatArray) -> ByteArray:
    """Give each channel of each image as many pixels of each value as can be, as Pillow does."""
    count, height, width, channels = pixels.shape
    flat = planes_of(pixels).reshape(count * channels, height * width)
    places = flat + 256 * np.arange(len(flat))[:, None]
    histogram = np.bincount(places.ravel(), minlength=256 * len(flat)).reshape(-1, 256)
    last = histogram[np.arange(len(flat)), flat.max(1)][:, None]
    step = (height * width - last) // 255
    before = np.cumsum(histogram, axis=1) - histogram
    table = ((step // 2 + before) // np.maximum(step, 1)).clip(0, 255).astype(np.uint8)
    table = np.where(step > 0, table, np.arange(256, dtype=np.uint8))
    return pixels_of(table.ravel()[places].reshape(count, channels, height, width))


def posterise(pixels: ByteArray, strength: FloatArray) -> ByteArray:
    """Keep 8 bits at no strength, and 4 at full strength."""
    bits = 8 - np.abs(4 * strength).astype(np.int64)
    return pixels & (256 - (1 << (8 - bits)))[:, None, None, None].astype(np.uint8)


def solarise(pixels: ByteArray, strength: FloatArray) -> ByteArray:
    """Invert the values from 256 on at no strength, and all at full strength."""
    threshold = 256 * (1 - np.abs(strength))[:, None, None, None]
    return np.where(pixels >= threshold, 255 - pixels, pixels)


def _enhanced(from_: Callable[[Values], Values]) -> Operation:
    """Move images away from, or towards, what a function makes of them, by 0.9 at most."""

    def operation(pixels: ByteArray, strength: FloatArray) -> ByteArray:
        values = pixels.astype(np.float32)
        plain = from_(values)
        factors = (1 + 0.9 * strength).astype(np.float32)[:, None, None, None]
        changed = values - plain
        changed *= factors
        changed += plain
        return _rounded(changed)

    return operation


def _smooth(values: Values) -> Values:
    """The inner pixels as Pillow smooths them: 5 parts of their own, 8 of their neighbours."""
    if min(values.shape[1:3]) < 3:
        return values
    rows = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    squares = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    smooth = values.copy()
    smooth[:, 1:-1, 1:-1] = (squares + 4 * values[:, 1:-1, 1:-1]) / 13
    return smooth


def _chosen_matrices(chosen: IntArray, strength: FloatArray) -> FloatArray:
    """The matrices [n, 2, 3] of the moves of these numbers [n], by their strengths [n].

    All moves of a round are one call of `resampled`, most of whose time a call has once.
    """
    matrices = np.empty((len(chosen), 2, 3))
    for number, move in enumerate(MOVES):
        of = chosen == number
        matrices[of] = move(strength[of])
    return matrices


def _moved(move: Move) -> Operation:
    """Move pixels by the matrices of the strengths, as `resampled` does."""
    return lambda pixels, strength: resampled(pixels, move(strength))


def _matrices(**places: FloatArray) -> FloatArray:
    """Identities [n, 2, 3] but for the elements that are given."""
    count = len(next(iter(places.values())))
    matrices = np.tile(np.eye(2, 3), (count, 1, 1))
    for place, values in places.items():
        matrices[:, int(place[1]), int(place[2])] = values
    return matrices


def _rotation(strength: FloatArray) -> FloatArray:
    """Up to 30 degrees; of images that are not square, in shares of their sides."""
    angle = np.deg2rad(30) * strength
    sine, cosine = np.sin(angle), np.cos(angle)
    return _matrices(m00=cosine, m11=cosine, m01=-sine, m10=sine)


def _rounded(values: Values) -> ByteArray:
    """The nearest bytes; the values themselves become what is rounded."""
    np.clip(values, 0, 255, out=values)
    return np.rint(values, out=values).astype(np.uint8)


IN_PLACE: list[Operation] = [
    lambda pixels, strength: pixels,
    auto_contrast,
    equalise,
    posterise,
    solarise,
    _enhanced(lightness),
    _enhanced(lambda values: lightness(values).mean((1, 2, 3), keepdims=True)),
    _enhanced(np.zeros_like),
    _enhanced(_smooth),
]
"""The operations that leave pixels where they are."""

MOVES: list[Move] = [
    _rotation,
    lambda strength: _matrices(m01=0.3 * strength),
    lambda strength: _matrices(m10=0.3 * strength),
    lambda strength: _matrices(m02=0.6 * strength),
    lambda strength: _matrices(m12=0.6 * strength),
]
"""Those that do not, by their matrices [n, 2, 3]."""

OPERATIONS = IN_PLACE + [_moved(move) for move in MOVES]
