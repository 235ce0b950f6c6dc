"""Metrics, and what a classifier may answer."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchbench.errors import MethodError
from benchbench.metrics import (
    Metric,
    accuracy,
    auroc,
    balanced_accuracy,
    brier_score,
    checked_scores,
    confidences,
    expected_calibration_error,
    facts_of,
    find_metrics,
    left_out,
    metric_facts,
    negative_log_likelihood,
    top5_accuracy,
    unknown_auroc,
    unknown_auroc_of_scores,
)
from benchbench.registry import loading

LABELS = np.array([0, 1, 2, 0])

SCORES = arrays(np.float64, (6, 3), elements=st.floats(-9, 9))
EIGHTHS = st.lists(
    st.lists(st.integers(-72, 72), min_size=3, max_size=3, unique=True), min_size=6, max_size=6
).map(lambda rows: np.array(rows) / 8)
"""Scores without ties, which go to the first slot, so that no softmax is a bin's edge."""
QUERY_LABELS = arrays(np.int64, 6, elements=st.integers(0, 2))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (np.eye(3)[LABELS], 1.0),
        (-np.eye(3)[LABELS], 0.0),
        ([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], 0.5),
        ([[-1, -2, -3]] * 4, 0.5),
        (np.zeros((4, 3)), 0.5),
    ],
    ids=["right", "wrong", "half", "negative scores", "ties go to the first slot"],
)
def test_accuracy_known_answers(scores: Any, expected: float) -> None:
    assert accuracy(np.array(scores, dtype=float), LABELS) == expected


@settings(deadline=None)
@given(
    arrays(np.float64, (6, 3), elements=st.floats(-9, 9), unique=True), st.permutations(range(6))
)
def test_accuracy_does_not_depend_on_the_order_of_the_queries(scores, order) -> None:
    labels = np.array([0, 1, 2, 0, 1, 2])
    assert accuracy(scores[order], labels[order]) == accuracy(scores, labels)


def one_hot(predicted: list[int], n_way: int) -> np.ndarray:
    return np.eye(n_way)[predicted]


def log_probabilities(*rows: list[float]) -> np.ndarray:
    return np.log(np.array(rows))


@pytest.mark.parametrize(
    ("predicted", "labels", "expected"),
    [
        ([0, 0, 0, 0], [0, 0, 0, 1], (1 + 0) / 2),
        ([0, 1, 1, 1], [0, 0, 0, 1], (1 / 3 + 1) / 2),
        ([0, 2, 2, 0], [0, 2, 2, 2], (1 + 2 / 3) / 2),
        ([1, 1], [2, 2], 0.0),
        ([2, 0, 1], [2, 0, 1], 1.0),
    ],
    ids=["majority", "minority", "a class without queries", "none right", "all right"],
)
def test_balanced_accuracy_known_answers(predicted, labels, expected) -> None:
    found = balanced_accuracy(one_hot(predicted, 3), np.array(labels))
    assert found == pytest.approx(expected, abs=1e-15)


def test_negative_log_likelihood_known_answers() -> None:
    scores = log_probabilities([0.5, 0.25, 0.25], [0.1, 0.8, 0.1])
    expected = -(np.log(0.5) + np.log(0.1)) / 2
    assert negative_log_likelihood(scores, np.array([0, 2])) == pytest.approx(expected, rel=1e-14)
    assert negative_log_likelihood(np.zeros((4, 5)), LABELS) == pytest.approx(np.log(5), rel=1e-14)


def test_negative_log_likelihood_of_large_scores_neither_overflows_nor_rounds_to_infinity() -> None:
    scores = np.array([[1e6, 0.0], [-1e6, 0.0]])
    assert negative_log_likelihood(scores, np.array([0, 1])) == 0.0
    assert negative_log_likelihood(scores, np.array([1, 0])) == 1e6


def test_brier_score_known_answers() -> None:
    scores = log_probabilities([0.5, 0.25, 0.25], [0.1, 0.8, 0.1])
    expected = (0.25 + 2 * 0.0625 + 0.01 + 0.64 + 0.81) / 2
    assert brier_score(scores, np.array([0, 2])) == pytest.approx(expected, rel=1e-14)
    assert brier_score(np.zeros((4, 5)), LABELS) == pytest.approx(0.8, rel=1e-14)
    certain = np.array([[1e6, 0.0], [1e6, 0.0]])
    assert brier_score(certain, np.array([0, 0])) == 0
    assert brier_score(certain, np.array([1, 1])) == 2


def test_top5_accuracy_known_answers() -> None:
    scores = np.array([[6.0, 5, 4, 3, 2, 1, 0]] * 7)
    assert top5_accuracy(scores, np.arange(7)) == 5 / 7
    assert top5_accuracy(-scores, np.arange(7)) == 5 / 7
    ties = np.zeros((7, 7))
    assert top5_accuracy(ties, np.arange(7)) == 5 / 7  # the first slots
    assert top5_accuracy(ties[:, :5], np.arange(5).repeat(2)[:7]) == 1


@settings(deadline=None)
@given(arrays(np.float64, (9, 8), elements=st.integers(-3, 3)), st.data())
def test_top5_is_that_of_scikit_learn_without_ties_and_never_below_accuracy(scores, data) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels = data.draw(arrays(np.int64, 9, elements=st.integers(0, 7)))
    assert top5_accuracy(scores, labels) >= accuracy(scores, labels)
    apart = scores - np.arange(8) / 100  # so that the first slots win ties
    expected = metrics.top_k_accuracy_score(labels, apart, k=5, labels=range(8))
    assert top5_accuracy(scores, labels) == pytest.approx(expected, abs=1e-15)


@settings(deadline=None)
@given(SCORES, QUERY_LABELS)
def test_the_brier_score_is_a_sum_over_classes_of_scikit_learns(scores, labels) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    p = torch.from_numpy(scores).softmax(1).numpy()
    expected = sum(
        metrics.brier_score_loss(labels == k, p[:, k], pos_label=True, labels=[False, True])
        for k in range(3)
    )
    assert brier_score(scores, labels) == pytest.approx(expected, abs=1e-12)


def test_calibrated_metrics_are_those_of_the_scores_that_they_get() -> None:
    scores, labels = np.random.default_rng(0).normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    for name, metric in find_metrics(
        ["brier_score", "expected_calibration_error", "negative_log_likelihood"]
    ).items():
        (calibrated,) = find_metrics([f"calibrated_{name}"]).values()
        assert calibrated(scores, labels) == metric(scores, labels)
        assert facts_of(calibrated).calibrated
        assert not facts_of(metric).calibrated


@pytest.mark.parametrize(
    ("name", "way", "shot", "says"),
    [
        ("top5_accuracy", 5, 1, "needs 6 classes or more, and these episodes have 5"),
        ("top5_accuracy", 6, 1, None),
        ("top5_accuracy", None, 1, None),
        ("calibrated_brier_score", 5, 1, "needs 2 shots or more, and these episodes have 1"),
        ("calibrated_brier_score", 5, 0, "needs 2 shots or more, and these episodes have 0"),
        ("calibrated_brier_score", 5, 2, None),
        ("calibrated_brier_score", 5, None, None),
        ("negative_log_likelihood", 2, 0, None),
        ("unknown_auroc", 5, 1, "needs queries of other classes, which --unknown N adds"),
    ],
)
def test_why_a_metric_is_left_out(name: str, way, shot, says: str | None) -> None:
    found = left_out(find_metrics([name])[name], way, shot)
    assert found is None if says is None else says in str(found)


def test_what_says_that_predictions_suffice_does_not_look_at_scores() -> None:
    """Of every metric that is registered; some ask which classes were learned from."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 7, 20)
    scores = generator.normal(size=(20, 7))
    one_hot = np.eye(7)[scores.argmax(1)]
    unknown = np.where(np.arange(20) < 15, labels, -1)
    found = set()
    for name in loading.registered("register_metrics"):
        metric = find_metrics([name]).get(name, accuracy)
        asked = unknown if facts_of(metric).of_unknown else labels
        learned = [np.arange(7) < 4] if facts_of(metric).of_seen else []
        if metric(scores, asked, *learned) == metric(one_hot, asked, *learned):
            found.add(name)
    of_seen = {"harmonic_mean", "seen_accuracy", "unseen_accuracy"}
    assert found == {"accuracy", "balanced_accuracy"} | of_seen
    for name in loading.registered("register_metrics"):
        metric = loading.find("register_metrics", "metric", name)
        assert facts_of(metric).of_predictions == (name in found)


def test_a_plugins_metric_declares_what_it_needs() -> None:
    @metric_facts(least_way=3)
    def mine(scores: Any, labels: Any) -> float:
        return 0.0

    plain: Metric = lambda scores, labels: 0.0  # noqa: E731
    assert facts_of(mine).least_way == 3
    assert left_out(plain, 1, 0) is None


def test_expected_calibration_error_known_answers() -> None:
    # Two queries at 0.5, in (7/15, 8/15], one of them right; two at 0.9, in (13/15, 14/15], right.
    scores = log_probabilities(
        [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [0.9, 0.06, 0.04]
    )
    found = expected_calibration_error(scores, np.array([0, 1, 1, 0]))
    assert found == pytest.approx(0.5 * 0 + 0.5 * 0.1, abs=1e-12)
    found = expected_calibration_error(scores, np.array([0, 0, 2, 2]))
    assert found == pytest.approx(0.5 * 0.5 + 0.5 * 0.9, abs=1e-12)


def test_calibration_is_per_bin_where_the_mean_confidence_would_hide_it() -> None:
    scores = log_probabilities([0.6, 0.4], [0.9, 0.1])
    found = expected_calibration_error(scores, np.array([0, 1]))
    assert found == pytest.approx((0.4 + 0.9) / 2, abs=1e-12)


def test_certainty_is_in_the_last_bin() -> None:
    certain = np.array([[1e6, 0.0], [1e6, 0.0], [1e6, 0.0], [0.0, 1e6]])
    assert expected_calibration_error(certain, np.array([0, 0, 0, 0])) == 0.25


@settings(deadline=None)
@given(SCORES, QUERY_LABELS)
def test_probabilities_agree_with_torch(scores, labels) -> None:
    log_p = torch.from_numpy(scores).log_softmax(1)
    expected = torch.nn.functional.nll_loss(log_p, torch.from_numpy(labels)).item()
    assert negative_log_likelihood(scores, labels) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(EIGHTHS, QUERY_LABELS, st.permutations(range(6)), st.permutations(range(3)))
def test_no_metric_depends_on_the_order_of_queries_or_slots(scores, labels, order, slots) -> None:
    renamed, moved = np.argsort(slots)[labels][order], scores[order][:, slots]
    for metric in (
        balanced_accuracy,
        brier_score,
        expected_calibration_error,
        negative_log_likelihood,
        top5_accuracy,
    ):
        assert metric(moved, renamed) == pytest.approx(metric(scores, labels), abs=1e-9)


@settings(deadline=None)
@given(SCORES, QUERY_LABELS)
def test_metrics_keep_their_ranges(scores, labels) -> None:
    assert 0 <= balanced_accuracy(scores, labels) <= 1
    assert 0 <= expected_calibration_error(scores, labels) <= 1
    assert negative_log_likelihood(scores, labels) >= 0


@settings(deadline=None)
@given(SCORES, st.permutations([0, 0, 1, 1, 2, 2]))
def test_balanced_accuracy_is_accuracy_where_classes_are_equally_frequent(scores, labels) -> None:
    labels = np.array(labels)
    assert balanced_accuracy(scores, labels) == pytest.approx(accuracy(scores, labels), abs=1e-15)


@settings(deadline=None)
@given(SCORES, QUERY_LABELS)
def test_repeating_a_class_does_not_change_balanced_accuracy(scores, labels) -> None:
    again = np.flatnonzero(labels == labels[0])
    longer = np.concatenate([np.arange(6), again, again])
    found = balanced_accuracy(scores[longer], labels[longer])
    assert found == pytest.approx(balanced_accuracy(scores, labels), abs=1e-15)


@pytest.mark.parametrize(
    "scores",
    [
        [[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]],
        np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]], np.float16),
        torch.tensor([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]], requires_grad=True),
        torch.tensor([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]], dtype=torch.bfloat16),
    ],
    ids=["lists", "float16", "tensor with gradient", "bfloat16"],
)
def test_floats_of_any_kind_become_float64(scores: Any) -> None:
    found = checked_scores(scores, 3, 2)
    assert found.dtype == np.float64
    assert found.tolist() == [[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]]


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_scores_in_double_precision_keep_it(kind: Any) -> None:
    near = kind(np.array([[1.0, 1.0 + 1e-12]]))
    assert accuracy(checked_scores(near, 1, 2), np.array([1])) == 1.0


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros((2, 3)), r"shape \[2, 3\] in place of \[3, 2\]"),
        (np.zeros(3), r"shape \[3\] in place of \[3, 2\]"),
        (torch.zeros(3, 2, 1), r"shape \[3, 2, 1\] in place of \[3, 2\]"),
        (None, r"shape \[\] in place of \[3, 2\]"),
        (np.zeros((3, 2), int), "the scores are int64 in place of floats"),
        (torch.zeros(3, 2, dtype=torch.int64), "int64 in place of floats"),
        (np.zeros((3, 2), bool), "the scores are bool in place of floats"),
        (np.full((3, 2), "a"), "in place of floats"),
        (np.full((3, 2), np.nan), "NaN or infinity"),
        (np.full((3, 2), -np.inf), "NaN or infinity"),
        (torch.full((3, 2), torch.inf), "NaN or infinity"),
        ([[1.0, 2.0], [3.0], [4.0]], "scores"),
    ],
)
def test_any_other_answer_is_the_methods_error(scores: Any, message: str) -> None:
    with pytest.raises(MethodError, match=message):
        checked_scores(scores, 3, 2)


def test_one_bad_score_among_many_is_found() -> None:
    scores = np.zeros((3, 2))
    scores[2, 1] = np.nan
    with pytest.raises(MethodError, match="NaN"):
        checked_scores(scores, 3, 2)


def pairs_won(confidence: np.ndarray, labels: np.ndarray) -> float:
    """The area under the ROC curve by its definition, pair by pair."""
    known, unknown = confidence[labels >= 0], confidence[labels < 0]
    won = (known[:, None] > unknown) + 0.5 * (known[:, None] == unknown)
    return float(won.mean())


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30), st.integers(0, 2**32 - 1))
def test_auroc_is_the_share_of_pairs(values: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(-1, 3, len(values))
    labels[:2] = 0, -1
    confidence = np.array(values, float)
    assert auroc(confidence, labels) == pytest.approx(pairs_won(confidence, labels))
    assert auroc(-confidence, labels) == pytest.approx(1 - auroc(confidence, labels))


@pytest.mark.parametrize("labels", [[0, 1, 2], [-1, -1, -1]])
def test_auroc_needs_both_kinds(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="known and unknown"):
        auroc(np.zeros(3), np.array(labels))


def test_confidence_is_the_log_of_the_largest_softmax() -> None:
    scores = np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]) + np.array([[3.0], [-50.0]])
    np.testing.assert_allclose(confidences(scores), np.log([0.5, 0.8]), rtol=1e-6)


def test_confidences_do_not_saturate_where_the_softmax_does() -> None:
    scores = np.array([[0.0, -90.0], [0.0, -80.0], [0.0, -99.0]])
    assert np.exp(confidences(scores)).tolist() == [1.0, 1.0, 1.0]
    assert unknown_auroc(scores, np.array([0, -1, 0])) == 1.0


def test_scores_and_softmax_may_order_queries_differently() -> None:
    """A distance far from all classes is a low score, and may be a sure softmax."""
    scores = np.array([[-1.0, -2.0], [-100.0, -110.0]])
    labels = np.array([0, -1])
    assert unknown_auroc(scores, labels) == 0.0
    assert unknown_auroc_of_scores(scores, labels) == 1.0
