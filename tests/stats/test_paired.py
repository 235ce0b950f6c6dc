"""Paired comparisons against scipy and statsmodels, with their limits."""

import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchbench.errors import NoEstimate
from benchbench.stats import (
    class_interval,
    compare_paired,
    holm,
    mean_interval,
    pairwise_p_values,
    sign_flip,
)

pytestmark = pytest.mark.filterwarnings("error")

ACCURACIES = st.integers(2, 40).flatmap(
    lambda n: hnp.arrays(np.int64, (2, n), elements=st.integers(0, 75)).map(lambda a: a / 75)
)


def draw_classes(n: int) -> np.ndarray:
    return np.random.default_rng(0).random((n, 12)).argsort(axis=1)[:, :5]


def draw_pair(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    both = rng.normal(0.6, 0.1, n)
    return both + rng.normal(0.02, 0.05, n), both + rng.normal(0, 0.05, n)


@pytest.mark.parametrize("n", [2, 12, 600])
def test_a_comparison_is_that_of_scipy(n: int) -> None:
    a, b = draw_pair(n, n)
    found, expected = compare_paired(a, b), stats.ttest_rel(a, b)
    low, high = expected.confidence_interval()
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert found.p_t == pytest.approx(expected.pvalue)
    assert found.ci_episodes == pytest.approx((high - low) / 2)
    assert found.effect_size == pytest.approx(expected.statistic / n**0.5)
    assert found.correlation == pytest.approx(stats.pearsonr(a, b).statistic)
    assert found.n == n


def test_both_intervals_are_those_of_the_differences() -> None:
    a, b = draw_pair(0, 80)
    classes = list(np.random.default_rng(0).random((80, 12)).argsort(axis=1)[:, :5])
    found = compare_paired(a, b, classes, level=0.9)
    assert found.ci_episodes == pytest.approx(mean_interval(a - b, 0.9))
    assert found.ci_classes == class_interval(a - b, classes, 0.9)
    assert found.ci_classes_reason is None


def test_without_an_interval_over_classes_there_is_a_reason() -> None:
    a, b = draw_pair(0, 3)
    unknown, apart = compare_paired(a, b), compare_paired(a, b, [np.arange(2)] * 3)
    assert unknown.ci_classes is apart.ci_classes is None
    assert unknown.ci_classes_reason == "The classes of the episodes are not known."
    assert "all classes" in str(apart.ci_classes_reason)


@settings(max_examples=60, deadline=None)
@given(ACCURACIES)
def test_the_other_way_round_only_the_sign_changes(pair: np.ndarray) -> None:
    found, swapped = compare_paired(pair[0], pair[1]), compare_paired(pair[1], pair[0])
    effect = None if swapped.effect_size is None else -swapped.effect_size
    mirrored = replace(swapped, difference=-swapped.difference, effect_size=effect)
    assert vars(found) == pytest.approx(vars(mirrored))


@settings(max_examples=60, deadline=None)
@given(ACCURACIES, st.integers(0, 2**32))
def test_the_order_of_episodes_does_not_matter(pair: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(pair.shape[1])
    found, shuffled = compare_paired(*pair), compare_paired(*pair[:, order])
    # Random signs fall on other episodes: that is Monte-Carlo noise, 4 sd of it at most here.
    assert found.p_sign_flip == pytest.approx(
        shuffled.p_sign_flip, abs=1e-9 if found.exact else 0.03
    )
    assert vars(replace(shuffled, p_sign_flip=found.p_sign_flip)) == pytest.approx(vars(found))


def test_equal_methods_have_a_difference_of_zero() -> None:
    a = np.random.default_rng(0).random(50)
    classes = list(np.random.default_rng(0).random((50, 12)).argsort(axis=1)[:, :5])
    found = compare_paired(a, a.copy(), classes)
    assert (found.difference, found.ci_episodes, found.ci_classes) == (0, None, None)
    assert (found.p_t, found.p_sign_flip, found.effect_size, found.p) == (None, 1, None, 1)
    assert found.correlation == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 9, 50])
@pytest.mark.parametrize("by", [0.1, -0.1])
def test_a_constant_difference_is_as_sure_as_its_signs(by: float, n: int) -> None:
    """All n signs are equal by chance with a probability of 2 / 2^n, and no more is known."""
    b = np.random.default_rng(0).random(n)
    found = compare_paired(b + by, b, list(draw_classes(n)))
    assert found.difference == pytest.approx(by)
    assert (found.ci_episodes, found.ci_classes, found.p_t, found.effect_size) == (None,) * 4
    assert "nothing is known of their spread" in str(found.ci_classes_reason)
    assert found.p == found.p_sign_flip == 2.0 ** (1 - n)
    assert found.exact


def test_differences_of_one_sign_need_no_random_flips() -> None:
    sizes = np.random.default_rng(0).random(17) + 0.1
    p, exact = sign_flip(np.concatenate([-sizes, np.zeros(4)]))
    assert (p, exact) == (2.0**-16, True)
    assert sign_flip(sizes[:11])[0] == pytest.approx(
        stats.permutation_test(
            (sizes[:11],), np.mean, permutation_type="samples", n_resamples=np.inf
        ).pvalue
    )


@pytest.mark.parametrize("n", [9, 10])
def test_below_ten_episodes_the_signs_decide(n: int) -> None:
    a, b = draw_pair(3, n)
    found = compare_paired(a + 0.1, b)
    assert found.p_t != found.p_sign_flip
    assert found.p == (found.p_sign_flip if n < 10 else found.p_t)
    assert pairwise_p_values(np.stack([a + 0.1, b]))[0, 1] == pytest.approx(found.p)


def test_a_constant_method_has_no_correlation() -> None:
    assert compare_paired(np.full(5, 0.2), np.arange(5) / 5).correlation is None


def test_one_episode_or_other_episodes_cannot_be_compared() -> None:
    with pytest.raises(NoEstimate, match="two episodes"):
        compare_paired(np.ones(1), np.ones(1))
    with pytest.raises(NoEstimate, match="two episodes"):
        compare_paired(np.ones(0), np.ones(0), fewest=1)
    with pytest.raises(ValueError, match="same episodes"):
        compare_paired(np.ones(3), np.ones(4))


def test_of_one_episode_that_is_asked_for_there_is_a_difference_and_no_spread() -> None:
    found = compare_paired(np.array([0.75]), np.array([0.5]), [np.arange(3)], fewest=1)
    assert (found.difference, found.n, found.sd, found.p_sign_flip) == (0.25, 1, 0.0, 1.0)
    assert found.ci_episodes is found.p_t is found.effect_size is found.correlation is None


@pytest.mark.parametrize("zeros", [0, 5])
def test_few_differences_have_all_their_signs_counted(zeros: int) -> None:
    difference = np.concatenate([np.array([3, 3, -1, 4, 2, 2, -3, 5]) / 75, np.zeros(zeros)])
    sums = [abs(np.dot(signs, [3, 3, 1, 4, 2, 2, 3, 5])) for signs in product([-1, 1], repeat=8)]
    p, exact = sign_flip(difference)
    assert exact
    assert p == np.mean(np.array(sums) >= 15)


def test_the_exact_sign_flip_is_scipys_permutation_test() -> None:
    difference = np.random.default_rng(0).normal(0.3, 1, 11)
    expected = stats.permutation_test(
        (difference,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(difference) == (pytest.approx(expected.pvalue), True)


def test_random_sign_flips_agree_with_scipys_permutation_test() -> None:
    difference = np.random.default_rng(5).integers(-10, 12, 600) / 75
    expected = stats.permutation_test(
        (difference,),
        np.mean,
        permutation_type="samples",
        n_resamples=9999,
        batch=500,
        random_state=0,
    )
    p, exact = sign_flip(difference)
    assert not exact
    assert 0.01 < p < 0.5
    assert p == pytest.approx(expected.pvalue, abs=4 * (2 * p * (1 - p) / 9999) ** 0.5)


def test_the_sign_flip_test_holds_its_level() -> None:
    rng = np.random.default_rng(0)
    p = [sign_flip(rng.integers(-3, 4, 40) / 75, flips=199, seed=i)[0] for i in range(1000)]
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.07


def test_a_comparison_is_fast() -> None:
    a, b = draw_pair(1, 600)
    compare_paired(a, b)
    times = []
    for _ in range(5):
        start = time.process_time()
        compare_paired(a, b)
        times.append(time.process_time() - start)
    assert min(times) < 0.06


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_is_that_of_its_definition_and_of_statsmodels(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    highest, order = 0.0, np.argsort(p_values)
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[at]))
        assert adjusted[at] == pytest.approx(highest)
    if p_values:
        assert adjusted == pytest.approx(multipletests(p_values, method="holm")[1])
        assert (np.diff(adjusted[order]) >= 0).all()
        assert (adjusted >= p_values).all()


@pytest.mark.parametrize("noise", [0.1, 1e-3, 1e-5])
def test_the_p_values_of_all_pairs_are_scipys(noise: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.beta(5, 2, 600) + rng.normal(0, noise, (12, 600)) + noise / 15 * np.ones((12, 1))
    found = pairwise_p_values(scores)
    for i, j in product(range(12), repeat=2):
        expected = 1.0 if i == j else stats.ttest_rel(scores[i], scores[j]).pvalue
        assert found[i, j] == pytest.approx(expected, abs=1e-10)


def test_nearly_equal_methods_among_others_have_scipys_p_values() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 76, (6, 600)) / 75
    scores[1] = scores[0]
    scores[2] = scores[0]
    scores[2, 17] += 1 / 75
    scores[3] = scores[0] + 0.1
    found = pairwise_p_values(scores)
    assert found[0, 1] == 1
    assert found[0, 2] == pytest.approx(stats.ttest_rel(scores[0], scores[2]).pvalue, abs=1e-10)
    assert found[0, 3] == 2.0**-599
    assert (found == found.T).all()
    assert (np.diag(found) == 1).all()


@settings(max_examples=60, deadline=None)
@given(ACCURACIES)
def test_the_p_values_of_all_pairs_are_those_to_decide_by(pair: np.ndarray) -> None:
    found = pairwise_p_values(np.stack([*pair, pair[0] + 0.1]))
    assert found[0, 1] == pytest.approx(compare_paired(*pair).p, abs=1e-12)
    assert found[0, 2] == pytest.approx(2.0 ** (1 - pair.shape[1]))


def test_a_thousand_methods_are_compared_in_a_second() -> None:
    rng = np.random.default_rng(0)
    scores = rng.beta(5, 2, 600) + rng.normal(0, 0.05, (1000, 600))
    start = time.process_time()
    pairwise_p_values(scores)
    assert time.process_time() - start < 1


def test_one_episode_has_no_p_values() -> None:
    with pytest.raises(NoEstimate, match="two episodes"):
        pairwise_p_values(np.ones((3, 1)))
