"""Intervals against scipy, against a slow loop, and against the truth in a simulation."""

from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbench.errors import NoEstimate
from benchbench.stats import (
    class_bootstrap,
    class_interval,
    mean_difference,
    mean_interval,
    wilson_interval,
)

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


@pytest.mark.parametrize("value", [0.0, 0.1 + 0.2, 1.0])
@pytest.mark.parametrize("count", [2, 600])
def test_equal_episodes_have_no_interval(value: float, count: int) -> None:
    accuracy = np.full(count, value)
    classes = draw_classes(np.random.default_rng(0), count, 12, 5)
    accuracy[0] += 1e-16  # what is left of sums in another order
    with pytest.raises(NoEstimate, match="nothing is known of their spread"):
        mean_interval(accuracy)
    for interval in class_interval, class_bootstrap:
        with pytest.raises(NoEstimate, match="nothing is known of their spread"):
            interval(accuracy, list(classes))


@pytest.mark.parametrize("count", [0, 1])
def test_no_interval_below_two_episodes(count: int) -> None:
    accuracy = np.full(count, 0.5)
    with pytest.raises(NoEstimate, match="over episodes needs two episodes"):
        mean_interval(accuracy)
    for interval in class_interval, class_bootstrap:
        with pytest.raises(NoEstimate, match="over classes needs two episodes"):
            interval(accuracy, [np.arange(5)] * count)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(2, 5),
    st.integers(1, 8),
    st.integers(2, 60),
    st.sampled_from(LEVELS),
)
def test_the_class_interval_is_that_of_a_slow_loop(seed, way, more, episodes, level) -> None:
    rng = np.random.default_rng(seed)
    classes = 100 + 7 * draw_classes(rng, episodes, way + more, way)
    assume(len(np.unique(classes)) > way)
    accuracy = rng.integers(0, 76, episodes) / 75
    assume((np.unique(classes, return_counts=True)[1] >= 2).sum() >= 2)
    found = class_interval(accuracy, list(classes), level)
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
    ("classes", "reason"),
    [
        ([[0, 1], [2, 3], [4, 5]], "Fewer than two classes"),
        ([[0, 1], [0, 2], [0, 3]], "Fewer than two classes"),
        ([[0, 1], [0, 1, 2], [0, 1]], "class_bootstrap"),
        ([[0, 1], [1, 0], [0, 1]], "Every episode has all classes"),
    ],
    ids=["no class recurs", "one class recurs", "the way varies", "all classes in every episode"],
)
def test_no_class_interval_where_it_cannot_be_estimated(classes, reason) -> None:
    with pytest.raises(NoEstimate, match=reason) as error:
        class_interval(np.array([0.1, 0.5, 0.7]), list(map(np.array, classes)))
    assert str(error.value) == error.value.reason


def test_differences_have_a_class_interval_whatever_their_sign() -> None:
    rng = np.random.default_rng(0)
    classes, difference = draw_classes(rng, 50, 12, 5), rng.normal(0, 0.1, 50)
    half = class_interval(difference, list(classes))
    assert class_interval(-difference, list(classes)) == pytest.approx(half)
    assert class_interval(difference + 0.5, list(classes)) == pytest.approx(half)


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


def variable_way(
    rng: np.random.Generator, episodes: int, total: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Accuracies that fall with the way, with the ease of the classes, around a mean of 0.6."""
    ease = rng.normal(0, 0.1, total)
    ways = rng.integers(5, min(20, total) + 1, episodes)
    classes = [rng.permutation(total)[:way] for way in ways]
    usual = 0.6 + 0.3 * (1 / ways - np.mean(1 / np.arange(5, min(20, total) + 1)))
    effect = np.array([ease[members].mean() for members in classes])
    return usual + effect + rng.normal(0, 0.05, episodes), classes


@pytest.mark.parametrize("total", [20, 40])
def test_the_bootstrap_of_classes_covers_fresh_classes_where_the_way_varies(total: int) -> None:
    rng = np.random.default_rng(total)
    covered = 0
    for _ in range(200):
        low, high = class_bootstrap(*variable_way(rng, 400, total), resamples=999)
        covered += low <= 0.6 <= high
    assert 0.88 <= covered / 200 <= 0.99


@pytest.mark.parametrize("total", [20, 60])
def test_the_bootstrap_of_classes_agrees_with_the_formula_where_the_way_does_not_vary(
    total: int,
) -> None:
    rng, widths, expected = np.random.default_rng(0), [], []
    for _ in range(10):
        classes = draw_classes(rng, 600, total, 5)
        accuracy = rng.normal(rng.normal(0.7, 0.1, total)[classes].mean(axis=1), 0.05)
        low, high = class_bootstrap(accuracy, list(classes))
        widths.append((high - low) / 2)
        expected.append(class_interval(accuracy, list(classes)))
        assert (low + high) / 2 == pytest.approx(accuracy.mean(), abs=0.1 * widths[-1])
    assert widths == pytest.approx(expected, rel=0.1)
    assert np.mean(widths) == pytest.approx(np.mean(expected), rel=0.03)


def test_the_bootstrap_of_classes_does_not_depend_on_names_and_order() -> None:
    rng = np.random.default_rng(0)
    accuracy, classes = variable_way(rng, 200, 20)
    renamed = [100 + 7 * members[::-1] for members in classes]
    assert class_bootstrap(accuracy, classes) == pytest.approx(class_bootstrap(accuracy, renamed))
    order = rng.permutation(200)
    low, high = class_bootstrap(accuracy[order], [classes[e] for e in order])
    assert (low, high) == pytest.approx(class_bootstrap(accuracy, classes), abs=2e-3)


def test_a_dependence_on_the_way_alone_is_no_effect_of_classes() -> None:
    rng = np.random.default_rng(3)
    ways = rng.integers(5, 16, 600)
    classes = [rng.permutation(30)[:way] for way in ways]
    accuracy = 1 - 0.3 * np.log(ways) + rng.normal(0, 0.001, 600)
    low, high = class_bootstrap(accuracy, classes)
    assert (high - low) / 2 < 1.2 * mean_interval(accuracy)


def test_the_bootstrap_of_classes_refuses_few_classes_and_those_always_together() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NoEstimate, match="10 classes or more"):
        class_bootstrap(rng.random(50), list(draw_classes(rng, 50, 9, 5)))
    with pytest.raises(NoEstimate, match="all classes"):
        class_bootstrap(rng.random(50), [np.arange(12)] * 50)


def test_lists_of_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="3 accuracies"):
        class_interval(np.ones(3), [np.arange(5)] * 2)


def test_wilsons_interval_known_answers() -> None:
    # (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) at z = 1.959964, by hand.
    assert wilson_interval(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    low, high = wilson_interval(400, 400)
    assert high == 1
    assert low == pytest.approx(400 / (400 + 1.959964**2), abs=1e-6)
    with pytest.raises(NoEstimate, match="one trial"):
        wilson_interval(0, 0)


def test_a_difference_of_means_has_welchs_interval() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.6, 0.1, 20), rng.normal(0.5, 0.3, 45)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    difference, half_width = mean_difference(a, b, 0.9)
    assert difference == pytest.approx(a.mean() - b.mean())
    assert difference - half_width == pytest.approx(interval.low)
    assert difference + half_width == pytest.approx(interval.high)


@pytest.mark.parametrize("other", [0.0, 1.0])
def test_a_difference_of_constants_has_no_interval(other: float) -> None:
    with pytest.raises(NoEstimate, match="nothing is known of their spread"):
        mean_difference(np.ones(3), np.full(4, other))
    _, half_width = mean_difference(np.array([0.9, 1.0, 0.8]), np.full(4, other))
    assert half_width > 0


def test_a_difference_of_means_needs_two_values_on_either_side() -> None:
    with pytest.raises(NoEstimate):
        mean_difference(np.ones(1), np.ones(4))
