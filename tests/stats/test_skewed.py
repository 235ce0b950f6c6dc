"""Medians, interquartile means and their intervals, against scipy and by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from benchbench.errors import NoEstimate
from benchbench.stats import bca_interval, interquartile_mean, mean_interval


def test_the_bca_interval_of_a_mean_is_students_t_where_episodes_are_many() -> None:
    accuracy = np.random.default_rng(0).beta(5, 2, 600)
    half = mean_interval(accuracy)
    expected = accuracy.mean() - half, accuracy.mean() + half
    assert bca_interval(accuracy, np.mean) == pytest.approx(expected, abs=0.1 * half)


@pytest.mark.parametrize("statistic", [np.median, interquartile_mean, np.min])
def test_the_bca_interval_holds_the_statistic(statistic: Callable[..., float]) -> None:
    accuracy = np.random.default_rng(1).integers(20, 76, 600) / 75
    low, high = bca_interval(accuracy, statistic, resamples=999)
    assert low <= statistic(accuracy) <= high
    assert bca_interval(accuracy, statistic, resamples=999) == (low, high)


def test_the_bca_interval_is_skewed_as_the_statistic_is() -> None:
    values = np.random.default_rng(2).exponential(size=40)
    low, high = bca_interval(values, np.mean)
    assert high - values.mean() > 1.1 * (values.mean() - low)
    found = stats.bootstrap((values,), np.mean, n_resamples=20000, random_state=3)
    assert (low, high) == pytest.approx(tuple(found.confidence_interval), rel=0.03)


def test_a_median_of_tied_accuracies_has_an_interval() -> None:
    # Leaving out one value never changes the median, so that the acceleration is 0 / 0.
    values = np.repeat([0.4, 0.6, 0.8], [27, 8, 27])
    assert bca_interval(values) == (0.4, 0.8)


def test_equal_values_have_no_bca_interval() -> None:
    with pytest.raises(NoEstimate, match="nothing is known of their spread"):
        bca_interval(np.full(12, 0.3))


def test_no_bca_interval_below_ten_values() -> None:
    with pytest.raises(NoEstimate, match="10 values or more"):
        bca_interval(np.arange(9) / 9)


def test_the_interquartile_mean_cuts_a_quarter_rounded_down_at_either_end() -> None:
    assert interquartile_mean([0, 1, 2, 9]) == 1.5
    assert interquartile_mean([[0, 1, 3], [5, 6, 100]]) == pytest.approx((1 + 3 + 5 + 6) / 4)
    assert interquartile_mean([[0, 1, 2, 9], [1, 1, 1, 1]], axis=1) == pytest.approx([1.5, 1])
    with pytest.raises(NoEstimate, match="one value"):
        interquartile_mean([])
