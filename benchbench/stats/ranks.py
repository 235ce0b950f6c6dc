"""Ranks of methods on one test source; 1 is best, and methods that tie share their mean place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Number: TypeAlias = Fraction | Decimal | float
"""Taken exactly as it is: a float stands for its binary value, a Decimal for what is printed."""

Numbers: TypeAlias = Sequence[Number] | NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """The best method that was left against another one; both are indices into the input.

    margin: how far the pair was from the opposite answer, at least 0.
    """

    leader: int
    other: int
    different: bool
    margin: float


@dataclass(frozen=True)
class Ranking:
    """Ranks [k] in the order of the input, and the decisions that led to them in their order."""

    ranks: NDArray[np.float64]
    decisions: tuple[Decision, ...]

    @property
    def closest(self) -> Decision | None:
        """The decision of the smallest margin, the earlier of two; None for a single method."""
        return min(self.decisions, key=lambda decision: decision.margin, default=None)


def peel(order: Sequence[int], different: Callable[[int, int], bool]) -> NDArray[np.float64]:
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


def meta_dataset_ranks(accuracy: Numbers, half_width: Numbers) -> Ranking:
    """Ranks by the rule of Meta-Dataset's public leaderboard (Triantafillou et al. 2020).

    accuracy, half_width: [k] means and half-widths of their 95 % intervals, in one unit, which is
    the unit of the margins too. Groups are peeled (see `peel`), where two methods differ if

        |m_i - m_j| > sqrt(c_i^2 + c_j^2),

    the unpaired z test at 95 %, in which 1.96 and the numbers of episodes cancel. It is decided in
    exact arithmetic, and equality is a tie. Of equal means the first in the input leads. A margin
    is the distance between the two sides of the inequality.

    Raises:
        ValueError: a number is not finite, a half-width is negative, or the lengths differ.
    """
    means, widths = list(map(_exact, accuracy)), list(map(_exact, half_width))
    if len(means) != len(widths):
        raise ValueError(f"{len(means)} means have {len(widths)} half-widths")
    if any(width < 0 for width in widths):
        raise ValueError("a half-width is negative")

    def decide(i: int, j: int) -> Decision:
        gap, squared = abs(means[i] - means[j]), widths[i] ** 2 + widths[j] ** 2
        excess = gap**2 - squared
        # a - b = (a^2 - b^2) / (a + b), as a - b in floating point cancels where it is small
        total = float(gap) + math.sqrt(squared)
        return Decision(i, j, excess > 0, abs(float(excess)) / total if total else 0.0)

    return _peel_and_record(means, decide)


def paired_ranks(accuracy: Numbers, p_adjusted: ArrayLike, alpha: float = 0.05) -> Ranking:
    """Ranks by peeling (see `peel`), where two methods differ if their paired test says so.

    accuracy: [k] means. p_adjusted: [k, k], symmetric p-values of all pairs, adjusted for their
    number; the diagonal is not read. Two methods differ if theirs is below alpha; NaN is no
    difference. Of equal means the first in the input leads. A margin is |p - alpha|.

    Raises:
        ValueError: a mean is not finite, or the shapes do not fit.
    """
    means, p_values = list(map(_exact, accuracy)), np.asarray(p_adjusted, dtype=np.float64)
    if p_values.shape != (len(means), len(means)):
        raise ValueError(f"{len(means)} means have p-values of shape {p_values.shape}")

    def decide(i: int, j: int) -> Decision:
        p_value = float(np.nan_to_num(p_values[i, j], nan=1.0))
        return Decision(i, j, p_value < alpha, abs(p_value - alpha))

    return _peel_and_record(means, decide)


def plain_ranks(accuracy: Numbers) -> NDArray[np.float64]:
    """Ranks of means [k] by their order alone; equal ones share their mean place.

    Raises:
        ValueError: a mean is not finite.
    """
    means = list(map(_exact, accuracy))
    better = np.array([sum(other > mean for other in means) for mean in means], dtype=np.float64)
    equal = np.array([means.count(mean) for mean in means], dtype=np.float64)
    return better + (equal + 1) / 2


def _peel_and_record(means: Sequence[Fraction], decide: Callable[[int, int], Decision]) -> Ranking:
    decisions: list[Decision] = []

    def different(leader: int, other: int) -> bool:
        decisions.append(decide(leader, other))
        return decisions[-1].different

    # sorted is stable: of equal means the first in the input comes first
    order = sorted(range(len(means)), key=lambda index: -means[index])
    return Ranking(peel(order, different), tuple(decisions))


def _exact(value: Any) -> Fraction:
    """The number itself, without rounding."""
    try:
        return Fraction(value.item() if isinstance(value, np.generic) else value)
    except OverflowError:
        raise ValueError(f"{value} is not finite") from None
