"""Sizes against known answers, statsmodels, and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import tt_solve_power

from benchbench.errors import NoEstimate
from benchbench.stats import (
    best_queries,
    detectable_difference,
    episodes_needed,
    episodes_to_detect,
    power_of,
    reuse,
    reuse_warning,
    variance_parts,
)


def test_episodes_for_a_half_width() -> None:
    assert episodes_needed(0.1, 0.01) == 385
    assert episodes_needed(0.1, 0.0080) == pytest.approx(600, abs=1)
    with pytest.raises(NoEstimate, match="do not vary"):
        episodes_needed(0, 0.01)
    with pytest.raises(NoEstimate, match="without a width"):
        episodes_needed(0.1, 0)


def test_episodes_to_detect_a_difference() -> None:
    # By the normal distribution 197 and 1570; Student's t takes z^2 / 2 = 2 episodes more.
    assert episodes_to_detect(0.05, 0.01) == 199
    assert episodes_to_detect(0.1 * 2**0.5, 0.01) == 1572
    assert episodes_to_detect(0.05, -0.01) == 199
    assert episodes_to_detect(0.001, 0.5) == 2


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 2), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from([0.9, 0.99]))
def test_the_fewest_episodes_are_those_of_statsmodels(effect, power, level) -> None:
    found = episodes_to_detect(1, effect, power, level)
    solved = tt_solve_power(effect, power=power, alpha=1 - level)
    assert found == pytest.approx(np.ceil(solved), abs=1e-6)


def test_the_power_is_the_share_of_tests_that_find_the_difference() -> None:
    rng, n = np.random.default_rng(0), 12
    drawn = rng.normal(0.05, 0.06, (20_000, n))
    t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / n**0.5)
    assert power_of(n, 0.06, 0.05) == pytest.approx(np.mean(abs(t) > 2.200985), abs=0.01)


def test_a_difference_of_zero_is_found_as_often_as_the_level_says() -> None:
    assert power_of(30, 0.1, 0) == pytest.approx(0.05)


@pytest.mark.parametrize("n", [2, 3, 10, 600])
def test_the_power_rises_to_1_with_the_difference(n: int) -> None:
    found = [power_of(n, 1, delta) for delta in np.geomspace(0.01, 1000, 200)]
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -2e-3).all()
    assert found[-1] == pytest.approx(1)


def test_the_power_refuses() -> None:
    for call in (lambda: power_of(10, 0, 0.1), lambda: episodes_to_detect(0, 0.1)):
        with pytest.raises(NoEstimate, match="do not vary"):
            call()
    with pytest.raises(NoEstimate, match="two episodes"):
        power_of(1, 0.1, 0.1)
    with pytest.raises(NoEstimate, match="difference of zero"):
        episodes_to_detect(0.1, 0)


@pytest.mark.parametrize(
    ("shot", "a", "b", "expected"),
    [(1, 0.0067, 0.0345, 2.3), (5, 0.0032, 0.0326, 7.1), (10, 0.0021, 0.0286, 11.7)],
)
def test_the_best_queries_known_answers(shot: int, a: float, b: float, expected: float) -> None:
    assert best_queries(shot, a, b) == pytest.approx(expected, abs=0.05)


@given(st.integers(1, 20), st.floats(1e-4, 1), st.floats(1e-4, 1))
def test_the_best_queries_minimise_the_variance(shot: int, a: float, b: float) -> None:
    best = best_queries(shot, a, b)

    def variance(queries: float) -> float:
        return (a + b / queries) * (shot + queries)

    assert variance(best) <= min(variance(best * 0.9), variance(best * 1.1))


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_parts_of_the_variance_are_found_again(a: float, b: float) -> None:
    try:
        found = variance_parts(1, a + b, 15, a + b / 15)
    except NoEstimate:
        assert min(a, b) < 1e-12
        return
    assert found == pytest.approx((a, b), abs=1e-12)


def test_queries_refuse() -> None:
    with pytest.raises(NoEstimate, match="different numbers"):
        variance_parts(5, 0.1, 5, 0.2)
    with pytest.raises(NoEstimate, match="too noisy"):
        variance_parts(1, 0.1, 15, 0.2)
    with pytest.raises(NoEstimate, match="the more of them the better"):
        best_queries(1, 0, 0.1)
    with pytest.raises(NoEstimate, match="one is as good"):
        best_queries(1, 0.1, 0)


def test_a_warning_where_images_are_drawn_more_than_once() -> None:
    assert reuse(48_000, 12_000) == 4
    assert reuse_warning(12_000, 12_000) is None
    warning = reuse_warning(48_000, 12_000)
    assert "4.0 times" in warning
    assert "nothing about other images" in warning
    with pytest.raises(NoEstimate, match="no images"):
        reuse(5, 0)


@pytest.mark.parametrize(("n", "sd"), [(2, 0.1), (10, 0.05), (600, 0.08)])
def test_the_detectable_difference_has_that_power(n: int, sd: float) -> None:
    found = detectable_difference(n, sd)
    assert power_of(n, sd, found) == pytest.approx(0.8, abs=1e-3)


def test_the_detectable_difference_known_answer() -> None:
    """(1.96 + 0.8416) sd / sqrt(n), for many episodes."""
    assert detectable_difference(10_000, 0.05) == pytest.approx(0.05 * 2.8016 / 100, rel=1e-3)
    with pytest.raises(NoEstimate, match="do not vary"):
        detectable_difference(600, 0.0)
    with pytest.raises(NoEstimate, match="two episodes"):
        detectable_difference(1, 0.05)
