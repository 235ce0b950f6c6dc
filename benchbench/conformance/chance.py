"""Tests of accuracies over episodes, each at the level `LEVEL`; a check fails where two do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from benchbench.conformance.outcomes import CheckFailed
from benchbench.system.arrays import FloatArray

LEVEL = 0.005
"""An honest method fails one test with this probability, and both of `confirmed` with its square.

How many episodes a test has depends on the time there is. At some number between 30 and 400 an
honest method fails one test with probability 0.056, and two with 0.0005 (simulated).
"""

Test: TypeAlias = Callable[[int], None]
"""Raises CheckFailed; the argument numbers a draw of episodes that no other number meets."""


def confirmed(test: Test) -> None:
    """Run a test, and where it fails once more on other episodes. Raises CheckFailed of the second.

    A draw of episodes is the same in every run, so that an unlucky one would stay.
    """
    try:
        test(0)
    except CheckFailed:
        test(1)


def must_be_chance(accuracies: FloatArray, chance: float, where: str) -> None:
    """Two-sided t test over episodes: below chance tells of a leak as well.

    The standard deviation is the empirical one, as errors within an episode may hang together. For
    5-way with 75 queries that of a guess is 4.6 points: two tests of 400 episodes show a departure
    of 1 point with a power above 0.8, of 100 one of 2, and of 30 one of 4. Raises CheckFailed.
    """
    p = _p_value(accuracies - chance)
    if p < LEVEL:
        raise CheckFailed(
            f"{where}, the accuracy is {_percent(accuracies)} over {len(accuracies)} episodes and "
            f"chance is {100 * chance:.1f} % (p = {p:.1g})"
        )


def must_reach_chance(accuracies: FloatArray, chance: float) -> None:
    """One-sided: fails where the accuracy is significantly below chance. Raises CheckFailed."""
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


def must_use_slots_alike(shares: FloatArray) -> None:
    """Whether each slot is predicted as often, from shares [n_episode, n_way] of balanced queries.

    A t test for each slot, Bonferroni's correction over them. Raises CheckFailed.
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
    """Of the t test that the mean is 0; of equal differences, 1 where they are 0 and else 0."""
    if np.ptp(differences) < 1e-12:
        mean = float(differences.mean())
        fine = abs(mean) < 1e-9 or (alternative == "less" and mean > 0)
        return 1.0 if fine else 0.0
    from scipy import stats  # 0.7 s

    return float(stats.ttest_1samp(differences, 0.0, alternative=alternative).pvalue)


def _percent(values: FloatArray) -> str:
    return f"{100 * values.mean():.1f} %"
