"""Which images of a class an episode takes, and how images that belong together are kept so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchbench.system.arrays import BoolArray, FloatArray, IntArray
from benchbench.system.randomness import Numbers, Permutation


class ClassImages:
    """Images of a class, each taken once; room: how many support images leave `query` others."""

    def __init__(self, rows: IntArray, query: int) -> None:
        self.room = len(rows) - query
        self._left = rows
        self._order = Permutation(len(rows))
        self._taken = 0

    @property
    def left(self) -> int:
        """How many images can be queries; read it after the support was taken."""
        return len(self._left) - self._taken

    def support(self, uniform: FloatArray) -> IntArray:
        """As many image ids as numbers in [0, 1), each image equally likely."""
        return self.query(uniform)

    def query(self, uniform: FloatArray) -> IntArray:
        """The same, of the images that are left."""
        self._taken += len(uniform)
        return self._left[self._order.take(uniform)]


class GroupedImages(ClassImages):
    """The images of a class, of which no group is in both support and query.

    Some groups are set aside for queries; the support is drawn from the other groups' images, and
    the queries from the images of all groups that the support has not touched.

    keys: int64 [n], the group of each image, all of 0 .. g - 1.
    """

    def __init__(
        self, rows: IntArray, keys: IntArray, support: int, query: int, numbers: Numbers
    ) -> None:
        sizes = np.bincount(keys)
        aside = set_aside(sizes, support, query, numbers.take(len(sizes)))
        self._rows, self._keys = rows, keys
        self._inside = np.flatnonzero(~aside[keys])
        super().__init__(rows, query)
        self.room = len(self._inside)

    def support(self, uniform: FloatArray) -> IntArray:
        drawn = self._inside[Permutation(len(self._inside)).take(uniform)]
        touched = np.zeros(int(self._keys.max()) + 1, dtype=bool)
        touched[self._keys[drawn]] = True
        self._left = self._rows[~touched[self._keys]]
        self._order = Permutation(len(self._left))
        return self._rows[drawn]


def separable(sizes: Sequence[int], support: int, query: int) -> bool:
    """Whether groups of these sizes can be divided into a support and a query of these sizes."""
    return _within_reach(_sums(sizes)[0], query, sum(sizes) - support)


def set_aside(sizes: IntArray, support: int, query: int, uniform: FloatArray) -> BoolArray:
    """The groups for the queries, bool [g]: `query` images or more, leaving `support` or more.

    The groups are visited in random order (that of the numbers `uniform`), and one is set aside if
    the rest can still be divided; no more are set aside than needed. `separable` must be true.
    """
    order = np.argsort(uniform, kind="stable").tolist()
    reachable = _sums([int(sizes[group]) for group in order])
    aside, images, most = np.zeros(len(sizes), dtype=bool), 0, int(sizes.sum()) - support
    for place, group in enumerate(order, start=1):
        if images >= query:
            break
        more = images + int(sizes[group])
        if _within_reach(reachable[place], query - more, most - more):
            aside[group], images = True, more
    return aside


def _sums(sizes: Sequence[int]) -> list[int]:
    """The possible sums of the sizes from place i on: bit s of item i is set if s is possible."""
    sums = [1]
    for size in reversed(sizes):
        sums.append(sums[-1] | sums[-1] << size)
    return sums[::-1]


def _within_reach(sums: int, low: int, high: int) -> bool:
    """Whether one of the sums is from `low` to `high`."""
    low = max(low, 0)
    return high >= low and (sums >> low) & ((1 << (high - low + 1)) - 1) != 0
