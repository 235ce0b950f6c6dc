"""Features that classifiers are tested on."""

import numpy as np
import torch
from torch import Tensor


def overlapping_classes(n: int = 12, size: int = 6, way: int = 4) -> tuple[Tensor, Tensor]:
    """Features and labels of overlapping classes, of unequal numbers."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, way, n))
    labels[:way] = range(way)
    centres = rng.normal(size=(way, size))
    return torch.from_numpy(centres[labels] + rng.normal(size=(n, size))), torch.from_numpy(labels)
