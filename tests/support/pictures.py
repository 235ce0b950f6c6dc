"""Pictures of noise, for tests to which their content does not matter."""

import numpy as np
import torch

from benchbench.images import Images
from benchbench.method import Support

SMALL = (16, 16, 1)


def random_images(count: int, shape: tuple[int, int, int] = SMALL, seed: int = 0) -> Images:
    array = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return Images.from_array(array)


def pixel_pairs(values: list[list[int]]) -> Images:
    """Images of 1 x 2 pixels with these values."""
    return Images.from_array(np.array(values, dtype=np.uint8)[:, None, :, None])


def random_support(way: int = 3, shot: int = 2, seed: int = 0) -> Support:
    """The classes one after another, `shot` times."""
    labels = torch.arange(way).repeat(shot)
    return Support(random_images(way * shot, seed=seed), labels, way, "toy")
