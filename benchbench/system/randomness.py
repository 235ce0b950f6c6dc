"""Random numbers that are the same on every machine, and random choices made of them.

All are raw output of NumPy's Philox counter generator (Salmon et al., SC 2011), whose stream NumPy
keeps for ever. The key is a hash of what episodes are drawn from, and the counter starts at the
episode's number, so that an episode is the same drawn alone or among ten thousand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from benchbench.system.arrays import BoolArray, FloatArray, IntArray

DRAWN_AT_ONCE = 256
"""Episodes whose numbers are in memory together."""


def permutation(count: int, key: int, counter: int = 0) -> IntArray:
    """A random permutation of 0 .. count - 1, a function of key and counter alone."""
    keys = np.random.Philox(key=key, counter=counter).random_raw(count)
    return np.argsort(keys, kind="stable")


def _unit(raw: NDArray[np.uint64]) -> FloatArray:
    """Numbers in [0, 1) of the upper 53 bits."""
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


class RandomStream:
    """The random numbers of one part of a data set: a function of seed, version and index alone."""

    def __init__(self, seed: int, version: int, index: int) -> None:
        self._philox = np.random.Philox(key=np.array([seed, version << 32 | index], np.uint64))

    def uniform(self, low: float, high: float, *shape: int) -> FloatArray:
        raw = self._philox.random_raw(prod(shape)).reshape(shape)
        return low + (high - low) * _unit(raw)

    def bell(self, *shape: int) -> FloatArray:
        """Nearly Gaussian with mean 0 and variance 1: the sum of four uniforms."""
        a, b, c, d = (self.uniform(-0.5, 0.5, *shape) for _ in range(4))
        return (a + b + c + d) * sqrt(3.0)

    def integer(self, n: int | IntArray, *shape: int) -> IntArray:
        """0 .. n - 1; an array n gives each place its own bound."""
        return np.floor(self.uniform(0, 1, *shape) * n).astype(np.int64)

    def happens(self, probability: float, *shape: int) -> BoolArray:
        return self.uniform(0, 1, *shape) < probability


class AddressedStream:
    """Random numbers addressed by episode."""

    def __init__(self, **origin: str | int) -> None:
        digest = hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).digest()
        self._key = int.from_bytes(digest[:16], "little")

    def branch(self, name: str) -> AddressedStream:
        """Another stream, unrelated to this one, that belongs to it."""
        return AddressedStream(parent=f"{self._key:032x}", branch=name)

    def uniform(self, start: int, stop: int, width: int) -> FloatArray:
        """Numbers in [0, 1), [stop - start, width]: row i belongs to episode start + i alone."""
        blocks = -(-width // 4)
        raw = np.random.Philox(key=self._key, counter=start * blocks).random_raw(
            (stop - start) * blocks * 4
        )
        return _unit(raw).reshape(stop - start, blocks * 4)[:, :width]

    def each(self, start: int, stop: int, width: int) -> Iterator[Numbers]:
        """The rows of `uniform` one by one; calls of unequal width on one stream share numbers."""
        for first in range(start, stop, DRAWN_AT_ONCE):
            for row in self.uniform(first, min(first + DRAWN_AT_ONCE, stop), width):
                yield Numbers(row)


class Numbers:
    """The random numbers of one episode, given out from left to right."""

    def __init__(self, row: FloatArray) -> None:
        self._row, self._used = row, 0

    def take(self, count: int) -> FloatArray:
        """The next numbers. Raises IndexError if fewer are left."""
        first, self._used = self._used, self._used + count
        if self._used > len(self._row):
            raise IndexError(f"an episode asks for more than {len(self._row)} random numbers")
        return self._row[first : self._used]

    def below(self, bound: int) -> int:
        """An integer from 0 on below the bound, each equally likely."""
        return int(self.take(1)[0] * bound)


class Permutation:
    """A random permutation of range(population), computed only as far as it is needed.

    Source: Fisher and Yates' shuffle (Durstenfeld, Communications of the ACM 7(7), 1964).
    """

    def __init__(self, population: int) -> None:
        self._population, self._place = population, 0
        self._moved: dict[int, int] = {}

    def take(self, uniform: FloatArray) -> list[int]:
        """The next elements, as many as there are numbers in [0, 1)."""
        moved, taken = self._moved, []
        for number in uniform.tolist():
            place, left = self._place, self._population - self._place
            other = place + int(number * left)
            taken.append(moved.get(other, other))
            moved[other] = moved.get(place, place)
            self._place += 1
        return taken


def choose(uniform: FloatArray, population: IntArray | int, order: FloatArray) -> IntArray:
    """Distinct integers below `population`, every ordered choice equally likely.

    uniform, order: [..., size] numbers in [0, 1); population: broadcasts against [...].
    Floyd's algorithm (Bentley, Communications of the ACM 30(9), 1987), then the order of `order`.
    """
    size = uniform.shape[-1]
    chosen = np.empty(uniform.shape, dtype=np.int64)
    for column in range(size):
        last = np.asarray(population - size + column)
        candidate = np.floor(uniform[..., column] * (last + 1)).astype(np.int64)
        taken = (chosen[..., :column] == candidate[..., None]).any(axis=-1)
        chosen[..., column] = np.where(taken, last, candidate)
    return np.take_along_axis(chosen, np.argsort(order, axis=-1, kind="stable"), axis=-1)
