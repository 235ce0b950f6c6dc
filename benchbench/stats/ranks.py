"""Ranks of methods on one test source; 1 is best, and methods that tie share their mean place.

A rule that tests for differences returns the ranks [k] in the order of its input, and the margins
of the decisions that led to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Number: TypeAlias = Fraction | Decimal | float
"""Taken exactly as it is: a float is its binary value, a Decimal is what is printed."""

Numbers: TypeAlias = Sequence[Number] | NDArray[np.float64]

Margins: TypeAlias = dict[tuple[int, int], float]
"""By leader and other, indices into the input, how far the pair is beyond the threshold of a rule.

Positive if the two differ; the absolute value is the distance from the opposite answer.
"""


def rank_by_elimination(
    order: Sequence[int], different: Callable[[int, int], bool]
) -> NDArray[np.float64]:
    """Ranks [k] by peeling groups off the top, as in the leaderboard of Meta-Dataset.

    order: the indices 0 to k - 1, the best mean first. The first that is left leads a group of all
    those left that are not `different(leader, other)` from it; a group shares its mean place.
    Membership is judged against the leader only, so that a method may be ranked below another one
    from which it does not differ.
    """
    ranks = np.empty(len(order))
    left, place = list(order), 1
    while left:
        leader, *others = left
        left = [other for other in others if different(leader, other)]
        group = [leader, *(other for other in others if other not in left)]
        ranks[group] = place + (len(group) - 1) / 2
        place += len(group)
    return ranks


def meta_dataset_ranks(
    accuracy: Numbers, half_width: Numbers
) -> tuple[NDArray[np.float64], Margins]:
    """Ranks by the rule of Meta-Dataset's public leaderboard (Triantafillou et al. 2020).

    accuracy, half_width: [k] means and half-widths of their 95 % intervals, in one unit, which is
    the unit of the margins too. Ranks are those of `rank_by_elimination`; two methods differ if

        |m_i - m_j| > sqrt(c_i^2 + c_j^2),

    the unpaired z test at 95 %, in which 1.96 and the numbers of episodes cancel. It is decided in
    exact arithmetic, and equality is a tie. Of equal means the first in the input leads. A margin
    is the left side less the right one. Raises ValueError if a number is not finite, a half-width
    is negative, or the lengths differ.
    """
    means, widths = list(map(_exact, accuracy)), list(map(_exact, half_width))
    if len(means) != len(widths):
        raise ValueError(f"{len(means)} means have {len(widths)} half-widths")
    if any(width < 0 for width in widths):
        raise ValueError("a half-width is negative")

    def margin(i: int, j: int) -> float:
        gap, squared = abs(means[i] - means[j]), widths[i] ** 2 + widths[j] ** 2
        # a - b = (a^2 - b^2) / (a + b), as a - b in floating point cancels if it is small
        total = float(gap) + math.sqrt(squared)
        return float(gap**2 - squared) / total if total else 0.0

    return _peeled(means, margin)


def paired_ranks(
    accuracy: Numbers, p_adjusted: ArrayLike, alpha: float = 0.05
) -> tuple[NDArray[np.float64], Margins]:
    """Ranks as by `rank_by_elimination`; two methods differ if their paired test says so.

    accuracy: [k] means. p_adjusted: [k, k], symmetric p-values of all pairs, adjusted for their
    number; the diagonal is not read. Two methods differ if theirs is below alpha; NaN is no
    difference. Of equal means the first in the input leads. A margin is alpha - p. Raises
    ValueError if a mean is not finite, or the shapes do not fit.
    """
    means, p_values = list(map(_exact, accuracy)), np.asarray(p_adjusted, dtype=np.float64)
    if p_values.shape != (len(means), len(means)):
        raise ValueError(f"{len(means)} means have p-values of shape {p_values.shape}")
    return _peeled(means, lambda i, j: alpha - float(np.nan_to_num(p_values[i, j], nan=1.0)))


def plain_ranks(accuracy: Numbers) -> NDArray[np.float64]:
    """Ranks of means [k]; equal ones share their mean place. Raises ValueError if not finite."""
    means = list(map(_exact, accuracy))
    better = np.array([sum(other > mean for other in means) for mean in means], dtype=np.float64)
    equal = np.array([means.count(mean) for mean in means], dtype=np.float64)
    return better + (equal + 1) / 2


def _peeled(
    means: Sequence[Fraction], margin: Callable[[int, int], float]
) -> tuple[NDArray[np.float64], Margins]:
    margins: Margins = {}

    def different(leader: int, other: int) -> bool:
        margins[leader, other] = margin(leader, other)
        return margins[leader, other] > 0

    # sorted is stable: of equal means the first in the input comes first
    order = sorted(range(len(means)), key=lambda index: -means[index])
    return rank_by_elimination(order, different), margins


def _exact(value: Any) -> Fraction:
    """The number itself, without rounding."""
    try:
        return Fraction(value.item() if isinstance(value, np.generic) else value)
    except OverflowError:
        raise ValueError(f"{value} is not finite") from None
