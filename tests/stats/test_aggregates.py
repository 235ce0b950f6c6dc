"""Aggregates over sources by hand, against scipy, and in simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbench.errors import NoEstimate
from benchbench.stats import (
    chance_normalised,
    improvement_interval,
    iqm_over_sources,
    mean_over_sources,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
)


def test_guessing_is_0_and_perfection_is_1() -> None:
    found = chance_normalised([[0.2, 1.0], [0.5, 0.1]], np.array([[5], [10]]))
    assert found == pytest.approx(np.array([[0, 1], [0.4 / 0.9, 0]]))
    with pytest.raises(NoEstimate, match="two classes"):
        chance_normalised(0.5, 1)


def test_the_aggregates_are_those_of_all_scores() -> None:
    scores = np.random.default_rng(0).random((7, 5))
    assert iqm_over_sources(scores).value == pytest.approx(stats.trim_mean(scores, 0.25, None))
    assert mean_over_sources(scores).value == pytest.approx(scores.mean())


def test_runs_are_resampled_within_tasks() -> None:
    # Tasks differ widely and runs hardly: other runs would give much the same.
    scores = np.tile([[0.1], [0.5], [0.9]], (1, 4)) + 1e-6 * np.arange(4)
    for found in iqm_over_sources(scores), mean_over_sources(scores):
        assert found.low < found.high
        assert (found.low, found.high) == pytest.approx((found.value, found.value), abs=1e-5)


def test_equal_runs_say_nothing_of_others() -> None:
    scores = np.tile([[0.1], [0.5], [0.9]], (1, 4))
    for statistic in iqm_over_sources, mean_over_sources:
        with pytest.raises(NoEstimate, match="nothing is known of their spread"):
            statistic(scores)


def test_the_interval_of_the_mean_is_that_of_its_variance() -> None:
    scores = np.random.default_rng(0).random((10, 8))
    found = mean_over_sources(scores)
    error = (scores.var(axis=1) / 8).sum() ** 0.5 / 10
    expected = scores.mean() - 1.96 * error, scores.mean() + 1.96 * error
    assert (found.low, found.high) == pytest.approx(expected, abs=0.05 * error)
    assert mean_over_sources(scores, level=0.5).high < found.high
    assert mean_over_sources(scores) == found


def test_one_run_has_no_interval() -> None:
    scores = np.random.default_rng(0).random((10, 1))
    for interval in iqm_over_sources, mean_over_sources:
        with pytest.raises(NoEstimate, match="One run"):
            interval(scores)
    with pytest.raises(NoEstimate, match="One run"):
        improvement_interval(np.ones((10, 3)), scores)


def test_beyond_the_target_nothing_is_gained() -> None:
    assert optimality_gap([[0.2, 0.6], [1.0, 1.4]]) == pytest.approx(1 - 2.8 / 4)
    assert optimality_gap([0.2, 0.6], target=0.5) == pytest.approx(0.5 - 0.7 / 2)


def test_the_profile_is_the_share_of_scores_above() -> None:
    scores = np.random.default_rng(0).integers(0, 11, (6, 5)) / 10
    taus = np.linspace(0, 1, 11)
    expected = [(scores > tau).mean() for tau in taus]
    assert performance_profile(scores, taus) == pytest.approx(expected)
    assert performance_profile([0.5], [0.4, 0.5]) == pytest.approx([1, 0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
def test_improvement_is_mann_whitneys_u(seed: int, tasks: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 5, (tasks, n)) / 4, rng.integers(0, 5, (tasks, m)) / 4
    expected = np.mean(
        [
            stats.mannwhitneyu(*pair, method="asymptotic").statistic
            for pair in zip(x, y, strict=True)
        ]
    ) / (n * m)
    assert probability_of_improvement(x, y) == pytest.approx(expected)
    assert probability_of_improvement(y, x) == pytest.approx(1 - expected)


def test_the_interval_of_improvement() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.6, 0.1, (8, 5)), rng.normal(0.5, 0.1, (8, 4))
    found = improvement_interval(x, y)
    assert found.value == probability_of_improvement(x, y)
    assert 0.5 < found.low < found.value < found.high < 1
    assert probability_of_improvement(x + 1, y) == 1
    with pytest.raises(NoEstimate, match="nothing is known of their spread"):
        improvement_interval(x + 1, y)
