"""The number of queries of each class of an episode."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.randomness import Numbers

Prior: TypeAlias = Literal["balanced", "natural", "dirichlet"]

SAME = 1e-9
"""A share that is nearer than this to an integer, or to another share, counts as equal to it: the
last bits of a float are not the same on every machine."""

LEAST_CONCENTRATION = 0.1  # below, some proportions are smaller than any double


def query_counts(
    prior: Prior, query: int, left: IntArray, concentration: float, numbers: Numbers
) -> IntArray:
    """The queries of each class, int64 [way], which sum to way * query.

    left: [way] images of each class that can be queries, `query` or more of each. With `natural`
    queries are in proportion to these numbers; with `dirichlet` proportions are drawn from the
    symmetric Dirichlet distribution (Veilleux et al., NeurIPS 2021, arXiv:2204.11181).
    """
    way = len(left)
    if prior == "balanced":
        return np.full(way, query)
    weights = left.astype(np.float64)
    if prior == "dirichlet":
        weights = gamma_variates(numbers.take(way), concentration)
    return apportion(weights, way * query, left)


def gamma_variates(uniform: FloatArray, shape: float) -> FloatArray:
    """Gamma variates of unit scale; divided by their sum they are Dirichlet proportions."""
    from scipy.special import gammaincinv  # the inverse of their distribution function

    return np.asarray(gammaincinv(shape, uniform), dtype=np.float64)


def apportion(weights: FloatArray, total: int, limits: IntArray) -> IntArray:
    """Integers [n] that sum to `total`, in proportion to the weights and within the limits.

    What exceeds a class's limit goes to the others in proportion to their weights; then shares are
    rounded down, and those with the largest remainders get the missing units, the first of equal
    remainders first. weights: [n], 0 or more; limits: int64 [n] that sum to `total` or more.
    """
    shares = _within(np.maximum(weights, np.finfo(np.float64).tiny), total, limits)
    counts = rounded_down(shares)
    remainders = np.round(shares - counts, 9)
    counts[np.argsort(-remainders, kind="stable")[: total - int(counts.sum())]] += 1
    return counts


def _within(weights: FloatArray, total: int, limits: IntArray) -> FloatArray:
    """Shares of the total in proportion to the weights, but none above its limit."""
    full = np.zeros(len(weights), dtype=bool)
    while True:
        rest = total - int(limits[full].sum())
        share = np.where(full, 0.0, weights)
        shares = np.where(full, limits, rest * (share / max(share.sum(), np.finfo(float).tiny)))
        beyond = ~full & (shares > limits)
        if not beyond.any():
            return shares
        full |= beyond


def rounded_down(values: FloatArray) -> IntArray:
    """Values rounded down, int64; a value just below an integer counts as that integer."""
    return np.floor(values + SAME).astype(np.int64)
