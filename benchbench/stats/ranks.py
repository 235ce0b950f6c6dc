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

from benchbench.stats.paired import holm

Number: TypeAlias = Fraction | Decimal | float
"""Taken exactly as it is: a float is its binary value, a Decimal is what is printed."""

Numbers: TypeAlias = Sequence[Number] | NDArray[np.float64]

Margins: TypeAlias = dict[tuple[int, int], float]
"""By leader and other, indices into the input, how far the pair is beyond the threshold of a rule.

Positive if the two differ; the absolute value is the distance from the opposite answer.
"""


def rank_by_elimination(
    order: Sequence[int], different: Callable[[int, Sequence[int]], Sequence[bool]]
) -> NDArray[np.float64]:
    """Ranks [k] by peeling groups off the top, as in the leaderboard of Meta-Dataset.

    order: the indices 0 to k - 1, the best mean first. The first that is left leads a group of all
    those left that are not different from it, as `different(leader, others)` says of all others at
    once; a group shares its mean place. Membership is judged against the leader only, so that a
    method may be ranked below another one from which it does not differ.
    """
    ranks = np.empty(len(order))
    left, place = list(order), 1
    while left:
        leader, *others = left
        apart = dict(zip(others, different(leader, others), strict=True))
        left = [other for other in others if apart[other]]
        group = [leader, *(other for other in others if not apart[other])]
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

    return _peeled(means, lambda leader, others: [margin(leader, other) for other in others])


def paired_ranks(
    accuracy: Numbers, p_values: ArrayLike, alpha: float = 0.05
) -> tuple[NDArray[np.float64], Margins]:
    """Ranks as by `rank_by_elimination`; two methods differ if their paired test says so.

    accuracy: [k] means. p_values: [k, k], symmetric, of the tests of all pairs, as they are; the
    diagonal is not read, and NaN is no difference. Holm's correction is over the comparisons of one
    leader with all that are left, and over no other pair: whoever is far behind the leader has a
    small p, which Holm's steps leave behind, so that such methods do not change who ties with it.
    Two differ if their corrected p is below alpha. Of equal means the first in the input leads. A
    margin is alpha less the corrected p. Raises ValueError if a mean is not finite, or the shapes
    do not fit.
    """
    means = list(map(_exact, accuracy))
    raw = np.nan_to_num(np.asarray(p_values, dtype=np.float64), nan=1.0)
    if raw.shape != (len(means), len(means)):
        raise ValueError(f"{len(means)} means have p-values of shape {raw.shape}")

    def margins(leader: int, others: Sequence[int]) -> Sequence[float]:
        corrected: list[float] = holm(raw[leader, list(others)]).tolist()
        return [alpha - p for p in corrected]

    return _peeled(means, margins)


def plain_ranks(accuracy: Numbers) -> NDArray[np.float64]:
    """Ranks of means [k]; equal ones share their mean place. Raises ValueError if not finite."""
    means = list(map(_exact, accuracy))
    better = np.array([sum(other > mean for other in means) for mean in means], dtype=np.float64)
    equal = np.array([means.count(mean) for mean in means], dtype=np.float64)
    return better + (equal + 1) / 2


def _peeled(
    means: Sequence[Fraction], margins_of: Callable[[int, Sequence[int]], Sequence[float]]
) -> tuple[NDArray[np.float64], Margins]:
    margins: Margins = {}

    def different(leader: int, others: Sequence[int]) -> list[bool]:
        found = margins_of(leader, others)
        margins.update(((leader, other), m) for other, m in zip(others, found, strict=True))
        return [margin > 0 for margin in found]

    # sorted is stable: of equal means the first in the input comes first
    order = sorted(range(len(means)), key=lambda index: -means[index])
    return rank_by_elimination(order, different), margins


def _exact(value: Any) -> Fraction:
    """The number itself, without rounding."""
    try:
        return Fraction(value.item() if isinstance(value, np.generic) else value)
    except OverflowError:
        raise ValueError(f"{value} is not finite") from None
