"""shapes: pictures of coloured, patterned figures whose names say what is on them.

A class is a combination of four attributes, such as "large striped red triangle". Its images vary
in place, turn, size within the size class, hue, second paint, pattern phase and background.

The pixels are the same bits on every machine and NumPy version: the only randomness is raw Philox
output, and floats meet only + - * /, sqrt, floor, maximum and comparisons, each of which IEEE 754
defines to the last bit.
"""

from __future__ import annotations

import itertools
from math import sqrt

import numpy as np

from benchbench.datasets.glyphs_drawing import turn
from benchbench.system.arrays import BoolArray, ByteArray, FloatArray, IntArray
from benchbench.system.randomness import RandomStream

VERSION = 1  # part of every random key: raise it with any change to the pixels

SIDE = 32  # pixels
SUBPIXELS = 3  # per pixel, along each axis
IMAGES = 20  # of a class
SPLITS = {"train": 400, "val": 80, "test": 160}  # of the 864 combinations

SIZES = {"small": (4.5, 6.0), "medium": (8.0, 9.5), "large": (12.0, 13.5)}  # radius in pixels
PATTERNS = ("solid", "striped", "dotted", "checked", "outlined", "shaded")
COLOURS = {
    "red": (205, 35, 35),
    "orange": (240, 135, 30),
    "yellow": (235, 220, 50),
    "green": (45, 150, 55),
    "cyan": (60, 205, 215),
    "blue": (40, 65, 200),
    "purple": (125, 45, 160),
    "pink": (245, 140, 185),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")

ATTRIBUTES = (SIZES, PATTERNS, COLOURS, SHAPES)

COMBINATIONS = tuple(itertools.product(*ATTRIBUTES))
"""Size, pattern, colour and shape of every possible class."""

SUBPIXEL = (np.arange(SIDE * SUBPIXELS) + 0.5) / SUBPIXELS  # centres, in pixels
DEALER = len(COMBINATIONS)  # the index of the stream that deals the combinations out
SHUFFLER = DEALER + 1  # of the first stream that permutes names; each has an index of its own
HALF_ROOT = sqrt(3.0) / 2.0
# The normals of a regular pentagon's sides: cosines and sines of multiples of 72 degrees.
COS_1, COS_2 = (sqrt(5.0) - 1.0) / 4.0, -(sqrt(5.0) + 1.0) / 4.0
SIN_1, SIN_2 = sqrt(10.0 + 2.0 * sqrt(5.0)) / 4.0, sqrt(10.0 - 2.0 * sqrt(5.0)) / 4.0
PENTAGON = ((0.0, 1.0), (SIN_1, COS_1), (-SIN_1, COS_1), (SIN_2, COS_2), (-SIN_2, COS_2))


def class_name(index: int) -> str:
    """The name of a combination, such as "large striped red triangle"."""
    return " ".join(COMBINATIONS[index])


def deal(seed: int) -> dict[str, list[int]]:
    """The combinations of each split, in order; the others are unused."""
    keys = RandomStream(seed, VERSION, DEALER).uniform(0, 1, len(COMBINATIONS))
    order = iter(np.argsort(keys, kind="stable").tolist())
    return {split: sorted(itertools.islice(order, n)) for split, n in SPLITS.items()}


def shuffled(seed: int, members: list[int], number: int = 0) -> list[int]:
    """The combinations in random order; number: of that order."""
    keys = RandomStream(seed, VERSION, SHUFFLER + number).uniform(0, 1, len(members))
    return [members[place] for place in np.argsort(keys, kind="stable")]


def draw(seed: int, index: int) -> ByteArray:
    """The images [IMAGES, SIDE, SIDE, 3] of one combination."""
    size, pattern, colour, shape = COMBINATIONS[index]
    stream = RandomStream(seed, VERSION, index)
    radius = stream.uniform(*SIZES[size], IMAGES)
    u, v = figure_coordinates(stream, radius)
    inside = holds(shape, u, v)
    radii = radius[:, None, None]
    first = inside & painted(pattern, stream, u * radii, v * radii)
    if pattern == "outlined":
        wall = 1.0 - 2.2 / radii
        inside = first = inside & ~holds(shape, u / wall, v / wall)
    paint = np.clip(np.array(COLOURS[colour]) + stream.integer(45, IMAGES, 1, 1, 3) - 22, 0, 255)
    other = np.where(stream.happens(0.5, IMAGES, 1, 1, 1), 15, 240)
    ground = 15 + stream.integer(196, IMAGES, 1, 1, 1) + stream.integer(31, IMAGES, 1, 1, 3)
    shade = shading(stream, u, v) if pattern == "shaded" else np.array([256])
    images = blend(first, inside & ~first, paint * shade // 256, other, ground)
    noise = stream.integer(19, *images.shape) - 9
    return np.asarray(np.clip(images + noise, 0, 255), np.uint8)


def figure_coordinates(stream: RandomStream, radius: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each subpixel's place [IMAGES, rows, columns] in the figure's frame, whose radius is 1.

    A figure is turned by up to 25 degrees either way and does not cross the border.
    """
    room = SIDE / 2.0 - 1.0 - radius
    x, y = (SIDE / 2.0 + room * stream.uniform(-1.0, 1.0, IMAGES) for _ in range(2))
    across = (SUBPIXEL[None, None, :] - x[:, None, None]) / radius[:, None, None]
    down = (SUBPIXEL[None, :, None] - y[:, None, None]) / radius[:, None, None]
    return turn(across, down, -stream.uniform(-0.22, 0.22, IMAGES, 1, 1))


def holds(shape: str, u: FloatArray, v: FloatArray) -> BoolArray:
    """Whether the figure covers the places (u, v), v downwards."""
    across, down = np.abs(u), np.abs(v)
    if shape == "circle":
        return u * u + v * v <= 0.85
    if shape == "square":
        return np.maximum(across, down) <= 0.78
    if shape == "diamond":
        return across / 0.62 + down <= 1.0
    if shape == "cross":
        return (np.maximum(across, down) <= 0.92) & ((across <= 0.3) | (down <= 0.3))
    if shape == "triangle":
        return (v <= 0.55) & (HALF_ROOT * across - 0.5 * v <= 0.5)
    # A pentagram's points lie on the inner side of at least four of its five lines.
    within = np.zeros(u.shape, np.int64)
    for a, b in PENTAGON:
        within += a * u + b * v <= -COS_2 * 0.42
    return within >= 4


def painted(pattern: str, stream: RandomStream, u: FloatArray, v: FloatArray) -> BoolArray:
    """Whether a place (u, v), in pixels, has the class's colour and not the second paint."""
    period = stream.uniform(3.4, 4.6, IMAGES, 1, 1)
    along, across = turn(u, v, -stream.uniform(-1.0, 1.0, IMAGES, 1, 1))
    along = along / period + stream.uniform(0.0, 1.0, IMAGES, 1, 1)
    across = across / period + stream.uniform(0.0, 1.0, IMAGES, 1, 1)
    if pattern == "striped":
        return along - np.floor(along) < 0.5
    if pattern == "checked":
        steps = np.floor(along * 1.4) + np.floor(across * 1.4)
        return steps - 2.0 * np.floor(steps / 2.0) < 0.5
    if pattern == "dotted":
        a, b = along - np.floor(along) - 0.5, across - np.floor(across) - 0.5
        return a * a + b * b > 0.09
    return np.ones(u.shape, np.bool_)


def shading(stream: RandomStream, u: FloatArray, v: FloatArray) -> IntArray:
    """The brightness [IMAGES, SIDE, SIDE, 1] of a paint that darkens across the figure, of 256."""
    middle = slice(SUBPIXELS // 2, None, SUBPIXELS)
    half_tangent = -stream.uniform(-1.0, 1.0, IMAGES, 1, 1)
    along, _ = turn(u[:, middle, middle], v[:, middle, middle], half_tangent)
    return np.clip(np.floor(146.0 + 120.0 * along), 26, 256).astype(np.int64)[..., None]


def coverage(flags: BoolArray) -> IntArray:
    """How many subpixels of each pixel are set: [n, SIDE, SIDE, 1]."""
    blocks = flags.reshape(len(flags), SIDE, SUBPIXELS, SIDE, SUBPIXELS)
    return np.asarray(blocks.sum(axis=(2, 4), dtype=np.int64)[..., None])


def blend(
    first: BoolArray, second: BoolArray, paint: IntArray, other: IntArray, ground: IntArray
) -> IntArray:
    """The pixels of two paints on a background, each a colour that broadcasts to them."""
    a, b = coverage(first), coverage(second)
    whole = SUBPIXELS * SUBPIXELS
    return np.asarray((a * paint + b * other + (whole - a - b) * ground) // whole)
