"""Random splits of classes into training, validation and test."""

from __future__ import annotations

import numpy as np

from benchbench.datasets.base import SPLITS
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import permutation

VAL_SHARE, TEST_SHARE = 0.15, 0.3


def deal_classes(classes: int, val: float, test: float, seed: int) -> dict[str, IntArray]:
    """Class ids int64 by split, ascending: random shares of the classes 0 .. classes - 1.

    Every share above zero gets at least one class, and the test split at least five if that leaves
    half for the rest.
    """
    order = permutation(classes, key=seed)
    n_test = round(test * classes)
    if test > 0:
        n_test = min(classes, max(1, n_test, min(5, classes // 2)))
    n_val = min(classes - n_test, max(round(val * classes), int(val > 0)))
    parts = np.split(order, [classes - n_test - n_val, classes - n_test])
    return {split: np.sort(part) for split, part in zip(SPLITS, parts, strict=True)}


def check_shares(val: float, test: float, seed: int) -> None:
    """Raise ValueError unless `deal_classes` can split classes by these."""
    if seed < 0:
        raise ValueError("seed must be at least 0")
    if val < 0 or test < 0 or val + test > 1:
        raise ValueError("val and test are shares of the classes: at least 0, together at most 1")
