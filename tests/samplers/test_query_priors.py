"""Queries shared out among classes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import UNLIKELY, several
from scipy.stats import beta, kstest

from benchbench.samplers.query_priors import apportion, gamma_variates, query_counts, rounded_down
from benchbench.system.randomness import Numbers


def shared(weights: list[float], total: int, limits: list[int]) -> list[int]:
    return apportion(np.array(weights, dtype=float), total, np.array(limits)).tolist()


@pytest.mark.parametrize(
    ("weights", "total", "limits", "expected"),
    [
        ([1, 1, 1], 9, [9, 9, 9], [3, 3, 3]),
        ([1, 2, 3], 12, [9, 9, 9], [2, 4, 6]),
        ([5, 3, 2], 7, [9, 9, 9], [4, 2, 1]),  # 3.5, 2.1, 1.4: one unit is missing
        ([1, 1, 1], 8, [9, 9, 9], [3, 3, 2]),  # of equals the first
        ([1, 1, 1, 1], 2, [9, 9, 9, 9], [1, 1, 0, 0]),
        ([8, 1, 1], 10, [4, 9, 9], [4, 3, 3]),  # 4 are too many for the first
        ([90, 9, 1], 20, [5, 8, 20], [5, 8, 7]),  # the second is full only after the first
        ([1, 1], 10, [5, 5], [5, 5]),
        ([0, 0, 0], 6, [9, 9, 9], [2, 2, 2]),
        ([1, 0, 0], 6, [2, 9, 9], [2, 2, 2]),
        ([0.1] * 3 + [0.7], 10, [9] * 4, [1, 1, 1, 7]),  # whole but for the last bits of floats
    ],
)
def test_known_shares(weights, total, limits, expected) -> None:
    assert shared(weights, total, limits) == expected


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[int], int, list[int]]:
    way = draw(st.integers(1, 8))
    weights = draw(st.lists(st.integers(1, 50), min_size=way, max_size=way))
    limits = draw(st.lists(st.integers(0, 30), min_size=way, max_size=way))
    return weights, draw(st.integers(0, sum(limits))), limits


def exact_shares(weights: list[int], total: int, limits: list[int]) -> list[Fraction]:
    """Shares in proportion, one class after another held down to its limit; exact fractions."""
    full: set[int] = set()
    while True:
        free = [c for c in range(len(weights)) if c not in full]
        rest = total - sum(limits[c] for c in full)
        scale = Fraction(rest, sum(weights[c] for c in free)) if free else Fraction(0)
        over = [c for c in free if scale * weights[c] > limits[c]]
        if not over:
            return [limits[c] if c in full else scale * weights[c] for c in range(len(weights))]
        full |= set(over)


@several
@given(requests())
def test_shares_are_the_exact_ones_rounded(request_) -> None:
    _, total, limits = request_
    counts, exact = shared(*request_), exact_shares(*request_)
    assert sum(counts) == total
    assert all(0 <= count <= limit for count, limit in zip(counts, limits, strict=True))
    assert all(abs(count - share) < 1 for count, share in zip(counts, exact, strict=True))
    rounded_up = [share % 1 for count, share in zip(counts, exact, strict=True) if count > share]
    below = [share % 1 for count, share in zip(counts, exact, strict=True) if count < share]
    assert not rounded_up or not below or min(rounded_up) >= max(below)


@several
@given(st.lists(st.floats(0, 1e300), min_size=2, max_size=50), st.integers(1, 20))
def test_any_weights_share_out_all(weights: list[float], query: int) -> None:
    total = len(weights) * query
    counts = shared([weight / 50 for weight in weights], total, [query + 3] * len(weights))
    assert sum(counts) == total
    assert max(counts) <= query + 3


def test_what_is_meant_to_be_an_integer_is_one() -> None:
    assert rounded_down(np.array([49 * (1 / 49), 2.999999, 3.0, 0.0])).tolist() == [1, 2, 3, 0]


def count(prior, left, uniform=(), query=4, concentration=2.0) -> list[int]:
    numbers = Numbers(np.array(uniform))
    return query_counts(prior, query, np.array(left), concentration, numbers).tolist()


def test_balanced_and_natural_take_no_random_numbers() -> None:
    assert count("balanced", [4, 90, 17]) == [4, 4, 4]
    assert count("natural", [10, 20, 30]) == [2, 4, 6]
    assert count("natural", [4, 4, 1000]) == [0, 0, 12]


def test_dirichlet_counts_follow_the_numbers_and_the_classes_limits() -> None:
    """The median of the unit Gamma(1) is log 2, and a number near 1 makes a large share."""
    assert count("dirichlet", [90] * 3, [0.5] * 3, concentration=1.0) == [4, 4, 4]
    shares = -np.log1p(-np.array([0.5, 0.75, 0.875]))  # log 2 times 1, 2, 3
    np.testing.assert_allclose(shares / shares[0], [1, 2, 3])
    assert count("dirichlet", [90] * 3, [0.5, 0.75, 0.875], concentration=1.0) == [2, 4, 6]
    assert count("dirichlet", [90, 90, 5], [0.5, 0.75, 0.875], concentration=1.0) == [2, 5, 5]


@pytest.mark.parametrize("concentration", [0.1, 1.0, 2.0, 30.0])
def test_proportions_are_dirichlet(concentration: float) -> None:
    """The marginal of a symmetric Dirichlet over five is Beta(a, 4 a)."""
    uniform = np.random.default_rng(3).random((4000, 5))
    variates = gamma_variates(uniform, concentration)
    proportions = variates / variates.sum(axis=1, keepdims=True)
    for marginal in proportions.T:
        assert kstest(marginal, beta(concentration, 4 * concentration).cdf).pvalue > UNLIKELY
