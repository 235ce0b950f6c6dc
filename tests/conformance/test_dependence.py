"""When two answers about the same queries count as different: known answers and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.conformance.dependence import Comparison, depends, differences, pooled, worst

QUERIES, WAY = 30, 4


def answers(seed: int, queries: int = QUERIES) -> tuple[np.ndarray, np.ndarray]:
    """Scores [queries, WAY] whose best class is often right, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, WAY, queries)
    scores = rng.normal(0, 1, (queries, WAY))
    scores[np.arange(queries), labels] += 1
    return scores, labels


def compared(*pairs: tuple[np.ndarray, np.ndarray], seed: int = 0) -> Comparison:
    """A comparison of episodes: what was stored and what was found, with the labels of a seed."""
    comparison = Comparison("altered")
    for stored, found in pairs:
        comparison.add(stored, found, answers(seed, len(stored))[1])
    return comparison


def flipped(scores: np.ndarray, count: int) -> np.ndarray:
    """The scores with the best two classes of the first `count` queries exchanged."""
    found = scores.copy()
    order = np.argsort(scores, axis=1)
    for row in range(count):
        first, second = order[row, -1], order[row, -2]
        found[row, [first, second]] = scores[row, [second, first]]
    return found


def test_equal_answers_do_not_differ() -> None:
    scores, _ = answers(0)
    comparison = compared((scores, scores.copy()))
    assert (comparison.flips, comparison.largest, comparison.differs) == (0, 0.0, False)
    assert depends(comparison, None) is False


def test_one_prediction_that_changes_is_enough() -> None:
    scores, _ = answers(0, 1000)
    comparison = compared((scores, flipped(scores, 1)))
    assert comparison.flips == 1
    assert depends(comparison, None) is True


def test_the_change_is_a_share_of_the_gap_between_the_best_two() -> None:
    stored = np.array([[0.0, 1.0, 3.0]])
    share, counts = differences(stored, np.array([[0.0, 1.5, 3.0]]))
    assert share[0] == pytest.approx(0.25)
    assert counts.tolist() == [True]
    _, counts = differences(stored, np.array([[0.9, 1.0, 3.0]]))
    assert counts.tolist() == [False], "a class that is neither best nor second does not count"


def test_no_queries_are_no_evidence() -> None:
    share, counts = differences(np.empty((0, WAY)), np.empty((0, WAY)))
    assert (len(share), len(counts)) == (0, 0)
    assert Comparison("none").differs is False
    assert depends(Comparison("none"), None) is False


def test_many_predictions_count_even_if_a_huge_number_hides_each_change() -> None:
    scores, _ = answers(0)
    found = flipped(scores, 10)
    _, counts = differences(scores + 1e9, found + 1e9)
    assert not counts.any()
    assert depends(compared((scores + 1e9, found + 1e9)), None) is None, "one episode is too few"
    gaining = Comparison("altered")
    for number in range(30):
        scores, labels = answers(number)
        right = scores + 2 * np.eye(WAY)[labels]
        gaining.add(right + 1e9, scores + 1e9, labels)
    assert not gaining.beyond_rounding
    assert depends(gaining, None) is True


def test_classes_that_are_all_alike_are_told_apart_by_rounding_and_that_is_no_dependence() -> None:
    rng = np.random.default_rng(0)
    alike = Comparison("altered")
    for _ in range(200):
        stored, found = (1 + rng.normal(0, 1e-7, (75, WAY)) for _ in range(2))
        alike.add(stored, found, rng.integers(0, WAY, 75))
    assert alike.flips > 1000
    assert depends(alike, None) is False


def test_a_prediction_that_rounding_alone_can_change_does_not_count() -> None:
    scores, _ = answers(0, 1000)
    scores = scores.astype(np.float32).astype(float)
    scores[0] = scores[0].max()
    found = scores.copy()
    found[0, 2] = np.nextafter(np.float32(scores[0, 2]), np.float32(np.inf))
    comparison = compared((scores, found))
    assert comparison.flips == 1
    assert depends(comparison, None) is False


@given(st.integers(0, 1000), st.integers(0, 5), st.sampled_from([2.0**-40, 2.0**-3, 2.0**30]))
def test_units_do_not_matter(seed: int, flips: int, unit: float) -> None:
    scores, _ = answers(seed)
    found = flipped(scores, flips)
    plain = differences(scores, found)
    scaled = differences(scores * unit, found * unit)
    assert np.allclose(plain[0], scaled[0])
    assert np.array_equal(plain[1], scaled[1])


@given(st.integers(0, 1000), st.integers(0, 5), st.sampled_from([-1e4, -1e9, -1e300]))
def test_a_masked_class_does_not_matter(seed: int, flips: int, mask: float) -> None:
    scores, _ = answers(seed)
    found = flipped(scores, flips)
    masked = np.full((QUERIES, 1), mask)
    plain = differences(scores, found)
    with_mask = differences(np.hstack([scores, masked]), np.hstack([found, masked]))
    assert np.array_equal(plain[0], with_mask[0])
    assert np.array_equal(plain[1], with_mask[1])


@given(st.integers(0, 1000), st.permutations(range(WAY)))
def test_the_order_of_classes_does_not_matter(seed: int, order: list[int]) -> None:
    scores, _ = answers(seed)
    found = flipped(scores, 3)
    plain, permuted = differences(scores, found), differences(scores[:, order], found[:, order])
    assert np.array_equal(plain[1], permuted[1])


@given(st.integers(0, 1000))
def test_rounding_to_float32_is_no_change(seed: int) -> None:
    scores, _ = answers(seed)
    comparison = compared((scores, scores.astype(np.float32).astype(float)))
    assert depends(comparison, None) is False


@given(st.integers(0, 1000))
def test_equal_ties_are_no_change(seed: int) -> None:
    votes = np.random.default_rng(seed).integers(0, 3, (QUERIES, WAY)).astype(float)
    assert compared((votes, votes.copy())).flips == 0
    assert depends(compared((votes, votes.copy())), None) is False


def noisy(seed: int, episodes: int, scale: float, gain: float = 0.0) -> Comparison:
    """Answers with noise of a scale, and altered ones that are worse in a share of queries."""
    rng, comparison = np.random.default_rng(seed), Comparison("altered")
    for number in range(episodes):
        scores, labels = answers(1000 * seed + number)
        stored, found = (scores + rng.normal(0, scale, scores.shape) for _ in range(2))
        better = rng.random(len(labels)) < gain
        stored[better, labels[better]] = 10
        comparison.add(stored, found, labels)
    return comparison


def test_noise_that_is_no_more_than_chance_is_no_dependence() -> None:
    found = [depends(noisy(seed, 60, 0.1), noisy(seed + 500, 20, 0.1)) for seed in range(40)]
    assert True not in found
    assert found.count(False) >= 36


def test_a_gain_behind_noise_is_found() -> None:
    found = [depends(noisy(seed, 60, 0.1, 0.1), noisy(seed + 500, 20, 0.1)) for seed in range(20)]
    assert found.count(True) == 20


def test_few_episodes_of_a_noisy_method_decide_nothing() -> None:
    assert depends(noisy(0, 3, 0.3), noisy(1, 3, 0.3)) is None
    assert depends(noisy(0, 1, 0.3), noisy(1, 1, 0.3)) is None


def test_a_pool_has_all_queries() -> None:
    parts = [noisy(0, 3, 0.1), noisy(1, 5, 0.2)]
    whole = pooled(parts)
    assert whole.queries == 8 * QUERIES
    assert whole.flips == sum(part.flips for part in parts)
    assert whole.largest == max(part.largest for part in parts)
    mean = np.average([part.gain[0] for part in parts], weights=[3, 5])
    assert whole.gain[0] == pytest.approx(mean)


def test_the_worst_has_the_most_changed_predictions() -> None:
    scores, _ = answers(0)
    mild, grave = compared((scores, flipped(scores, 1))), compared((scores, flipped(scores, 9)))
    assert worst([mild, grave, Comparison("none")]) is grave
    assert worst([Comparison("none")]) is None
