"""Random numbers for generated data sets: the same bits on every machine and NumPy version."""

from __future__ import annotations

from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Stream:
    """The random numbers of one part of a data set: a function of seed, version and index alone.

    They are raw Philox output, which NumPy keeps for ever (Salmon et al., SC 2011).
    """

    def __init__(self, seed: int, version: int, index: int) -> None:
        self._philox = np.random.Philox(key=np.array([seed, version << 32 | index], np.uint64))

    def uniform(self, low: float, high: float, *shape: int) -> Floats:
        raw = self._philox.random_raw(prod(shape)).reshape(shape)
        return low + (high - low) * ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def bell(self, *shape: int) -> Floats:
        """Nearly Gaussian with mean 0 and variance 1: the sum of four uniforms."""
        a, b, c, d = (self.uniform(-0.5, 0.5, *shape) for _ in range(4))
        return (a + b + c + d) * sqrt(3.0)

    def integer(self, n: int | Ints, *shape: int) -> Ints:
        """0 .. n - 1; an array n gives each place its own bound."""
        return np.floor(self.uniform(0, 1, *shape) * n).astype(np.int64)

    def happens(self, probability: float, *shape: int) -> Flags:
        return self.uniform(0, 1, *shape) < probability
