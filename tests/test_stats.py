"""Intervals against scipy, against a slow loop, and against the truth in a simulation."""

from __future__ import annotations

from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbench.stats import class_interval, mean_interval

LEVELS = [0.5, 0.95, 0.99]


def slow_class_interval(accuracy: list[float], classes: list[list[int]], level: float) -> float:
    """SE^2 = N^2 zeta / C + sd^2 / n, word for word; t over the classes that recur.

    Under a class effect h that sums to zero over C classes, an episode with class c holds N - 1 of
    the others, whose effects average -h_c / (C - 1): so m_c shows h_c (C - N) / (C - 1).
    """
    of_class: dict[int, list[float]] = {}
    for value, members in zip(accuracy, classes, strict=True):
        for c in members:
            of_class.setdefault(c, []).append(value)
    recurring = [values for values in of_class.values() if len(values) >= 2]
    between = variance([fmean(values) for values in recurring])
    noise = fmean([variance(values) / len(values) for values in recurring])
    way, total = len(classes[0]), len(of_class)
    zeta = max(0.0, between - noise) * ((total - 1) / (total - way)) ** 2
    squared = way**2 * zeta / total + variance(accuracy) / len(accuracy)
    return stats.t.ppf((1 + level) / 2, len(recurring) - 1) * squared**0.5


def draw_classes(rng: np.random.Generator, episodes: int, total: int, way: int) -> np.ndarray:
    return rng.random((episodes, total)).argsort(axis=1)[:, :way]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("count", [2, 10, 600])
def test_the_episode_interval_is_students_t(count: int, level: float) -> None:
    accuracy = np.random.default_rng(count).beta(5, 2, count)
    low, high = stats.t.interval(level, count - 1, accuracy.mean(), stats.sem(accuracy))
    assert mean_interval(accuracy, level) == pytest.approx((high - low) / 2, rel=1e-12)


def test_the_episode_interval_known_answer() -> None:
    # Mean 0.5, sd 0.1 over four episodes: t(0.975, 3) = 3.18245, from any table.
    accuracy = np.array([0.5 - 0.05 * 3**0.5, 0.5 + 0.05 * 3**0.5] * 2)
    assert mean_interval(accuracy) == pytest.approx(3.18245 * 0.1 / 2, rel=1e-5)


def test_equal_episodes_have_an_interval_of_zero() -> None:
    assert mean_interval(np.full(10, 0.75)) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_no_interval_below_two_episodes(count: int) -> None:
    accuracy = np.full(count, 0.5)
    assert mean_interval(accuracy) is None
    assert class_interval(accuracy, [np.arange(5)] * count) is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(2, 5),
    st.integers(1, 8),
    st.integers(2, 60),
    st.sampled_from(LEVELS),
)
def test_the_class_interval_is_that_of_a_slow_loop(
    seed: int, way: int, more: int, episodes: int, level: float
) -> None:
    rng = np.random.default_rng(seed)
    classes = 100 + 7 * draw_classes(rng, episodes, way + more, way)
    assume(len(np.unique(classes)) > way)
    accuracy = rng.integers(0, 76, episodes) / 75
    found = class_interval(accuracy, list(classes), level)
    recurring = (np.unique(classes, return_counts=True)[1] >= 2).sum()
    if recurring < 2:
        assert found is None
        return
    expected = slow_class_interval(accuracy.tolist(), classes.tolist(), level)
    assert found == pytest.approx(expected, rel=1e-9)


def test_without_an_effect_of_classes_only_the_noise_of_episodes_remains() -> None:
    # All classes have the same mean, so that zeta is cut off at 0.
    classes = [np.array(pair) for pair in [(0, 1), (2, 3), (0, 1), (2, 3)]]
    accuracy = np.array([0.4, 0.4, 0.6, 0.6])
    error = stats.sem(accuracy)
    expected = stats.t.ppf(0.975, 3) * error
    assert class_interval(accuracy, classes) == pytest.approx(expected)


def test_classes_seen_once_count_but_say_nothing_about_zeta() -> None:
    classes = [[0, 1], [0, 2], [1, 3], [0, 1]]
    accuracy = [0.2, 0.3, 0.9, 0.5]
    found = class_interval(np.array(accuracy), list(map(np.array, classes)))
    assert found == pytest.approx(slow_class_interval(accuracy, classes, 0.95))


@pytest.mark.parametrize(
    "classes",
    [[[0, 1], [2, 3], [4, 5]], [[0, 1], [0, 2], [0, 3]], [[0, 1], [0, 1, 2], [0, 1]]],
    ids=["no class recurs", "one class recurs", "the way varies"],
)
def test_no_class_interval_where_it_cannot_be_estimated(classes: list[list[int]]) -> None:
    assert class_interval(np.array([0.1, 0.5, 0.7]), list(map(np.array, classes))) is None


def test_episodes_that_hold_every_class_tell_nothing_about_others() -> None:
    rng = np.random.default_rng(0)
    classes = draw_classes(rng, 50, 5, 5)
    assert class_interval(rng.random(50), list(classes)) is None


def test_the_names_and_order_of_classes_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    classes, accuracy = draw_classes(rng, 80, 12, 5), rng.random(80)
    names = rng.permutation(1000)[:12]
    order = rng.permutation(80)
    renamed = [names[row[::-1]] for row in classes[order]]
    assert class_interval(accuracy[order], renamed) == pytest.approx(
        class_interval(accuracy, list(classes))
    )


def test_the_class_interval_covers_fresh_classes_and_the_episode_interval_does_not() -> None:
    """Easy and hard classes, drawn afresh 200 times; the truth is the mean over all classes."""
    rng, truth, total, way, episodes = np.random.default_rng(0), 0.7, 40, 5, 600
    covered = np.zeros(2)
    for _ in range(200):
        ease = rng.normal(truth, 0.1, total)
        classes = draw_classes(rng, episodes, total, way)
        accuracy = rng.normal(ease[classes].mean(axis=1), 0.05)
        error = abs(accuracy.mean() - truth)
        intervals = mean_interval(accuracy), class_interval(accuracy, list(classes))
        covered += [error <= half for half in intervals]
    by_episodes, by_classes = covered / 200
    assert 0.88 <= by_classes <= 0.99
    assert by_episodes < 0.5
