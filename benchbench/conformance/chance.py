"""Tests of accuracies over episodes, each at the level `LEVEL`; a check fails if two tests fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from benchbench.conformance.outcomes import CheckFailed
from benchbench.system.arrays import FloatArray

LEVEL = 0.005
"""The probability that an honest method fails one test; that of both in `confirmed` is its square.

The number of episodes of a test depends on the available time. At any of the numbers from 30 to 400
an honest method fails one test with probability 0.056, and two with 0.0005 (simulated).
"""

Test: TypeAlias = Callable[[int], None]
"""Raises CheckFailed; the argument numbers a draw of episodes, and draws share no episode."""


def confirmed(test: Test) -> None:
    """Run a test, and if it fails, repeat it on other episodes. Raises CheckFailed of the second.

    A draw of episodes is the same in every run, so that an unlucky draw would always be one.
    """
    try:
        test(0)
    except CheckFailed:
        test(1)


def must_be_chance(accuracies: FloatArray, chance: float, where: str) -> None:
    """Two-sided t test over episodes: an accuracy below chance is also evidence of a leak.

    The standard deviation is the empirical one, as errors within an episode may be correlated. For
    5-way with 75 queries that of a guess is 4.6 points: with a power above 0.8, two tests find a
    departure of 1 point with 400 episodes, of 2 with 100, and of 4 with 30. Raises CheckFailed.
    """
    p = _p_value(accuracies - chance)
    if p < LEVEL:
        raise CheckFailed(
            f"{where}, the accuracy is {_percent(accuracies)} over {len(accuracies)} episodes and "
            f"chance is {100 * chance:.1f} % (p = {p:.1g})"
        )


def must_reach_chance(accuracies: FloatArray, chance: float) -> None:
    """One-sided t test: the accuracy must not be below chance. Raises CheckFailed."""
    p = _p_value(accuracies - chance, "less")
    if p < LEVEL:
        raise CheckFailed(
            f"the accuracy is {_percent(accuracies)} over {len(accuracies)} episodes, below the "
            f"{100 * chance:.1f} % of chance (p = {p:.1g}): is the largest score the likeliest?"
        )


def must_not_differ(before: FloatArray, after: FloatArray, where: str) -> None:
    """Paired t test over episodes. Raises CheckFailed."""
    p = _p_value(after - before)
    if p < LEVEL:
        raise CheckFailed(
            f"{where}, the accuracy goes from {_percent(before)} to {_percent(after)} over "
            f"{len(before)} episodes (p = {p:.1g})"
        )


def must_use_slots_equally(shares: FloatArray) -> None:
    """A t test for each slot that it is predicted as often as the others, Bonferroni-corrected.

    shares: [n_episode, n_way] of balanced queries. Raises CheckFailed.
    """
    ways = shares.shape[1]
    for slot, share in enumerate(shares.T):
        p = _p_value(share - 1 / ways) * ways
        if p < LEVEL:
            raise CheckFailed(
                f"slot {slot} is predicted for {_percent(share)} of the queries and has "
                f"{100 / ways:.1f} % of them (p = {p:.1g})"
            )


def _p_value(
    differences: FloatArray, alternative: Literal["two-sided", "less"] = "two-sided"
) -> float:
    """Of the t test that the mean is 0; for equal differences, 1 if they are 0 and else 0."""
    if np.ptp(differences) < 1e-12:
        mean = float(differences.mean())
        fine = abs(mean) < 1e-9 or (alternative == "less" and mean > 0)
        return 1.0 if fine else 0.0
    from scipy import stats  # 0.7 s

    return float(stats.ttest_1samp(differences, 0.0, alternative=alternative).pvalue)


def _percent(values: FloatArray) -> str:
    return f"{100 * values.mean():.1f} %"
