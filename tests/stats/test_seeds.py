"""Variance components against a slow analysis of variance, and coverage in simulation."""

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbench.errors import NoEstimate
from benchbench.stats import crossed_seeds, mean_interval, nested_seeds


def slow_mean_squares(scores: list[list[float]]) -> tuple[float, float, float]:
    """The two-way table without replication, cell by cell."""
    n_seeds, n_episodes = len(scores), len(scores[0])
    mean = fmean(y for row in scores for y in row)
    rows = [fmean(row) for row in scores]
    columns = [fmean(column) for column in zip(*scores, strict=True)]
    of_seed = n_episodes * sum((m - mean) ** 2 for m in rows) / (n_seeds - 1)
    of_episode = n_seeds * sum((m - mean) ** 2 for m in columns) / (n_episodes - 1)
    residual = sum(
        (scores[s][e] - rows[s] - columns[e] + mean) ** 2
        for s in range(n_seeds)
        for e in range(n_episodes)
    ) / ((n_seeds - 1) * (n_episodes - 1))
    return of_seed, of_episode, residual


def draw_crossed(
    rng: np.random.Generator, seeds: int, episodes: int, sds: tuple[float, float, float]
) -> np.ndarray:
    effects = rng.normal(size=(seeds, 1)), rng.normal(size=episodes)
    noise = rng.normal(size=(seeds, episodes))
    return 0.6 + sds[0] * effects[0] + sds[1] * effects[1] + sds[2] * noise


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6), st.integers(2, 30))
def test_the_crossed_components_are_those_of_a_slow_table(seed, seeds, episodes) -> None:
    scores = draw_crossed(np.random.default_rng(seed), seeds, episodes, (0.02, 0.1, 0.05))
    of_seed, of_episode, residual = slow_mean_squares(scores.tolist())
    found = crossed_seeds(scores)
    assert found.mean == pytest.approx(scores.mean())
    assert found.var_seed == pytest.approx(max(0, (of_seed - residual) / episodes))
    assert found.var_episode == pytest.approx(max(0, (of_episode - residual) / seeds))
    assert found.var_residual == pytest.approx(residual)
    squared = found.var_seed / seeds + found.var_episode / episodes + residual / scores.size
    expected = stats.t.ppf(0.975, found.degrees) * squared**0.5
    assert found.half_width == pytest.approx(expected)


def test_the_crossed_interval_by_hand() -> None:
    # Row means .4 and .6, column means .3 and .7, no residual: MS_seed = .04, MS_episode = .16,
    # SE^2 = .02 / 2 + .08 / 2 = .05 and degrees (.04 + .16)^2 / (.04^2 + .16^2) = 1.470588.
    found = crossed_seeds(np.array([[0.2, 0.6], [0.4, 0.8]]))
    assert (found.var_seed, found.var_episode) == pytest.approx((0.02, 0.08))
    assert found.var_residual == pytest.approx(0, abs=1e-15)
    assert found.degrees == pytest.approx(1.470588, rel=1e-6)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 25 / 17) * 0.05**0.5)


@pytest.mark.parametrize("sds", [(0.03, 0.1, 0.1), (0.0, 0.1, 0.1), (0.1, 0.0, 0.1)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_crossed_interval_covers(seeds: int, sds: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(seeds)
    found = [crossed_seeds(draw_crossed(rng, seeds, 100, sds)) for _ in range(1000)]
    covered = np.mean([abs(one.mean - 0.6) <= one.half_width for one in found])
    assert 0.92 <= covered <= 0.985


def test_pooling_the_episodes_of_all_seeds_does_not_cover() -> None:
    rng, covered = np.random.default_rng(0), np.zeros(2)
    for _ in range(500):
        scores = draw_crossed(rng, 5, 200, (0.03, 0.0, 0.1))
        halves = mean_interval(scores.ravel()), nested_seeds(list(scores)).half_width
        covered += [abs(scores.mean() - 0.6) <= half for half in halves]
    pooled, nested = covered / 500
    assert pooled < 0.5
    assert 0.92 <= nested <= 0.98


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_seeds_and_episodes_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = draw_crossed(rng, 4, 20, (0.02, 0.1, 0.05))
    shuffled = scores[rng.permutation(4)][:, rng.permutation(20)]
    assert vars(crossed_seeds(shuffled)) == pytest.approx(vars(crossed_seeds(scores)))


def test_the_nested_interval_is_students_t_over_the_seeds() -> None:
    scores = np.random.default_rng(0).beta(5, 2, (4, 50))
    found = nested_seeds(list(scores))
    low, high = stats.ttest_1samp(scores.mean(axis=1), 0).confidence_interval()
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx(
        (low, high)
    )
    between = 50 * np.var(scores.mean(axis=1), ddof=1)
    within = np.var(scores, axis=1, ddof=1).mean()
    assert between / within == pytest.approx(stats.f_oneway(*scores).statistic)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 3) * (between / 200) ** 0.5)
    assert found.var_episode == pytest.approx(within)
    assert found.var_seed == pytest.approx(max(0, (between - within) / 50))


def test_seeds_with_different_numbers_of_episodes_count_the_same() -> None:
    scores = [np.array([0.2, 0.4]), np.array([0.5, 0.6, 0.7, 0.8])]
    found = nested_seeds(scores)
    assert found.mean == pytest.approx((0.3 + 0.65) / 2)
    assert found.half_width == pytest.approx(mean_interval(np.array([0.3, 0.65])))
    # Within: (.02 + .05) / (1 + 3); the variance of a mean is that / 2 and / 4.
    assert found.var_episode == pytest.approx(0.0175)
    assert found.var_seed == pytest.approx(0.35**2 / 2 - 0.0175 * 0.375)


def test_the_components_are_right_on_average_where_sizes_differ() -> None:
    rng, found = np.random.default_rng(1), []
    for _ in range(500):
        sizes, effects = (10, 40, 20, 80, 10), rng.normal(0.6, 0.1, 5)
        found.append(
            nested_seeds([rng.normal(m, 0.2, n) for m, n in zip(effects, sizes, strict=True)])
        )
    assert np.mean([one.var_seed for one in found]) == pytest.approx(0.01, rel=0.1)
    assert np.mean([one.var_episode for one in found]) == pytest.approx(0.04, rel=0.05)


def test_equal_scores_have_no_interval() -> None:
    with pytest.raises(NoEstimate, match="nothing is known of their spread"):
        crossed_seeds(np.full((3, 10), 0.5))
    with pytest.raises(NoEstimate, match="nothing is known of their spread"):
        nested_seeds([np.full(10, 0.5)] * 3)


def test_one_seed_says_nothing_of_others() -> None:
    with pytest.raises(NoEstimate, match="One seed"):
        crossed_seeds(np.ones((1, 10)))
    with pytest.raises(NoEstimate, match="One seed"):
        nested_seeds([np.ones(10)])


def test_one_episode_has_no_variance() -> None:
    with pytest.raises(NoEstimate, match="two episodes"):
        crossed_seeds(np.ones((2, 1)))
    with pytest.raises(NoEstimate, match="two episodes"):
        nested_seeds([np.ones(5), np.ones(1)])
