"""Metrics: functions of the scores float64 [n_query, n_way] and the labels int64 [n_query].

One that declares `of_seen` is told as well which classes were learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from benchbench.errors import BenchbenchError, MethodError
from benchbench.registry import loading
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import BoolArray, FloatArray, IntArray

Metric = Callable[..., float]

OF_UNKNOWN = "unknown_auroc"
"""The metric that is reported wherever --unknown is given."""

CALIBRATION_BINS = 15
TOP = 5


@dataclass(frozen=True)
class MetricFacts:
    """What a metric needs.

    least_way: the fewest classes of an episode for which it says anything. calibrated: whether its
    scores are divided by a temperature that is fitted on the support. of_predictions: whether the
    class slots that are predicted say it all, so that it can be checked without scores. of_seen:
    whether it is called with a third argument, bool [n_way]: which classes were learned from.
    of_unknown: whether it is also given the queries of none of the classes, which have the label
    -1. of_confidences: the metric by `confidences` [n_asked] and labels, if these say it all.
    """

    least_way: int = 1
    calibrated: bool = False
    of_predictions: bool = False
    of_seen: bool = False
    of_unknown: bool = False
    of_confidences: Metric | None = None


M = TypeVar("M", bound=Metric)


def metric_facts(
    *,
    least_way: int = 1,
    calibrated: bool = False,
    of_predictions: bool = False,
    of_seen: bool = False,
    of_unknown: bool = False,
    of_confidences: Metric | None = None,
) -> Callable[[M], M]:
    """Declare what a metric needs, as `MetricFacts`; one that declares nothing needs nothing."""

    def declare(metric: M) -> M:
        metric.facts = MetricFacts(  # type: ignore[attr-defined]
            least_way, calibrated, of_predictions, of_seen, of_unknown, of_confidences
        )
        return metric

    return declare


def facts_of(metric: Metric) -> MetricFacts:
    """What a metric declares that it needs."""
    facts: MetricFacts = getattr(metric, "facts", MetricFacts())
    return facts


@metric_facts(of_predictions=True)
def accuracy(scores: FloatArray, labels: IntArray) -> float:
    """The share of queries whose highest score is their own class's."""
    return float(np.mean(scores.argmax(axis=1) == labels))


@metric_facts(of_predictions=True)
def balanced_accuracy(scores: FloatArray, labels: IntArray) -> float:
    """The mean recall of the classes that have queries; accuracy if all have equally many."""
    queries = np.bincount(labels)
    found = np.bincount(labels, weights=scores.argmax(axis=1) == labels)
    return float(np.mean(found[queries > 0] / queries[queries > 0]))


@metric_facts(least_way=TOP + 1)
def top5_accuracy(scores: FloatArray, labels: IntArray) -> float:
    """The share of queries whose own class is among the five with the highest scores.

    Of equal scores the first slots count, as they do for accuracy.
    """
    own = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1]) < labels[:, None]
    ahead = (scores > own) | ((scores == own) & before)
    return float(np.mean(ahead.sum(axis=1) < TOP))


@metric_facts(of_predictions=True, of_seen=True)
def seen_accuracy(scores: FloatArray, labels: IntArray, seen: BoolArray) -> float:
    """The mean recall of the classes that were learned from, among all candidates."""
    return _recall(scores, labels, seen)


@metric_facts(of_predictions=True, of_seen=True)
def unseen_accuracy(scores: FloatArray, labels: IntArray, seen: BoolArray) -> float:
    """The mean recall of the classes that were not learned from, among all candidates."""
    return _recall(scores, labels, ~seen)


@metric_facts(of_predictions=True, of_seen=True)
def harmonic_mean(scores: FloatArray, labels: IntArray, seen: BoolArray) -> float:
    """The harmonic mean of `seen_accuracy` and `unseen_accuracy` (Xian et al., TPAMI 2019)."""
    first, second = _recall(scores, labels, seen), _recall(scores, labels, ~seen)
    return 2 * first * second / (first + second) if first + second else 0.0


def _recall(scores: FloatArray, labels: IntArray, of: BoolArray) -> float:
    """The mean recall of some of the classes, of those that have queries; 0 if none has."""
    queries = np.bincount(labels, minlength=len(of))
    found = np.bincount(labels, weights=scores.argmax(axis=1) == labels, minlength=len(of))
    asked = of & (queries > 0)
    return float(np.mean(found[asked] / queries[asked])) if asked.any() else 0.0


def negative_log_likelihood(scores: FloatArray, labels: IntArray) -> float:
    """The mean of minus the log-softmax of the scores at the query's class, in nats."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - own))


def expected_calibration_error(scores: FloatArray, labels: IntArray) -> float:
    """How far the softmax's confidence is from the accuracy, over 15 bins of equal width.

    Guo, Pleiss, Sun & Weinberger (ICML 2017, arXiv:1706.04599), equation 3; a bin contains its
    upper end. It is computed within an episode, where few queries share a bin: its mean over
    episodes lies above the error of all queries together.
    """
    shifted = scores - scores.max(axis=1, keepdims=True)
    confidence = 1 / np.exp(shifted).sum(axis=1)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.digitize(confidence, edges, right=True)
    correct = scores.argmax(axis=1) == labels
    gaps = np.bincount(bins, weights=correct - confidence)
    return float(np.abs(gaps).sum() / len(labels))


def brier_score(scores: FloatArray, labels: IntArray) -> float:
    """The mean squared distance of the softmax from the query's class, 0 to 2 (Brier, 1950)."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    own = np.eye(scores.shape[1])[labels]
    return float(np.mean(np.square(probabilities - own).sum(axis=1)))


@metric_facts(calibrated=True)
def calibrated_negative_log_likelihood(scores: FloatArray, labels: IntArray) -> float:
    """`negative_log_likelihood` of the scores over a temperature fitted on the support alone."""
    return negative_log_likelihood(scores, labels)


@metric_facts(calibrated=True)
def calibrated_expected_calibration_error(scores: FloatArray, labels: IntArray) -> float:
    """`expected_calibration_error` of the scores over a temperature fitted on the support alone."""
    return expected_calibration_error(scores, labels)


@metric_facts(calibrated=True)
def calibrated_brier_score(scores: FloatArray, labels: IntArray) -> float:
    """`brier_score` of the scores over a temperature fitted on the support alone."""
    return brier_score(scores, labels)


def confidences(scores: FloatArray) -> FloatArray:
    """The logarithm of the largest softmax of scores [n, n_way]: float64 [n], at most 0.

    Its order is that of the softmax, which rounds to 1 long before it does to 0. The numbers are
    rounded to float32, as they are stored.
    """
    shifted = np.sort(scores - scores.max(axis=1, keepdims=True), axis=1)
    found: FloatArray = -np.log1p(np.exp(shifted[:, :-1]).sum(axis=1))
    return found.astype(np.float32).astype(np.float64)


def auroc(confidence: FloatArray, labels: IntArray) -> float:
    """The share of pairs of a known and an unknown query in which the known has more confidence.

    Pairs of equal confidence count half: the area under the ROC curve by Mann and Whitney's U.
    confidence: [n]; labels: int64 [n], -1 for unknown queries. Raises ValueError if there are no
    unknown queries, or no known ones.
    """
    from scipy.stats import rankdata

    known = labels >= 0
    count = int(known.sum())
    if not 0 < count < len(labels):
        raise ValueError("needs known and unknown queries")
    above = rankdata(confidence)[known].sum() - count * (count + 1) / 2
    return float(above / (count * (len(labels) - count)))


@metric_facts(of_unknown=True, of_confidences=auroc)
def unknown_auroc(scores: FloatArray, labels: IntArray) -> float:
    """How well the largest softmax tells queries of the classes from those of none; 0.5 is chance.

    The area under the ROC curve, as of Hendrycks & Gimpel (ICLR 2017, arXiv:1610.02136).
    """
    return auroc(confidences(scores), labels)


@metric_facts(of_unknown=True)
def unknown_auroc_of_scores(scores: FloatArray, labels: IntArray) -> float:
    """`unknown_auroc` by the largest score in place of the softmax, as for distances."""
    return auroc(scores.max(axis=1), labels)


def checked_scores(scores: Any, n_query: int, n_way: int) -> FloatArray:
    """A classifier's answer as float64 [n_query, n_way]. Raises MethodError if it is not that."""
    try:
        array = np.asarray(_as_numpy(scores))
    except ValueError as error:
        raise MethodError(f"the scores are not one array ({error})") from error
    if array.shape != (n_query, n_way):
        raise MethodError(
            f"the scores have shape {list(array.shape)} in place of [{n_query}, {n_way}]"
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise MethodError(f"the scores are {array.dtype} in place of floats")
    if not np.isfinite(array).all():
        raise MethodError("the scores hold NaN or infinity")
    return array.astype(np.float64)


def _as_numpy(scores: Any) -> Any:
    """A tensor of any precision and device as an array; anything else as it is."""
    if not hasattr(scores, "detach"):
        return scores
    tensor = scores.detach().cpu()
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy()


@hookimpl
def register_metrics(register: Callable[..., None]) -> None:
    for metric in (
        accuracy,
        balanced_accuracy,
        brier_score,
        calibrated_brier_score,
        calibrated_expected_calibration_error,
        calibrated_negative_log_likelihood,
        expected_calibration_error,
        harmonic_mean,
        negative_log_likelihood,
        seen_accuracy,
        top5_accuracy,
        unknown_auroc,
        unknown_auroc_of_scores,
        unseen_accuracy,
    ):
        register(metric)


def find_metrics(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics of these names; accuracy is always there and is left out.

    Raises BenchbenchError for an unknown one.
    """
    return {
        name: loading.find("register_metrics", "metric", name)
        for name in names
        if name != "accuracy"
    }


def known_metric(name: str) -> Metric | None:
    """The metric of this name; None if it belongs to a plug-in that is not here."""
    try:
        return find_metrics([name]).get(name, accuracy)
    except BenchbenchError:
        return None


def left_out(
    metric: Metric,
    way: int | None,
    shot: int | None,
    generalised: bool = False,
    unknown: bool = False,
) -> str | None:
    """Why a metric says nothing of episodes with so many classes and shots, or None.

    way, shot: None if they vary, where an episode for which it says nothing is scored all the same.
    generalised: whether it is known which classes were learned from. unknown: whether the episodes
    have queries of none of their classes.
    """
    facts = facts_of(metric)
    if facts.of_unknown and not unknown:
        return "it needs queries of other classes, which --unknown N adds"
    if facts.of_seen and not generalised:
        return "it needs classes that were learned from among those tested, as generalised:NAME has"
    if way is not None and way < facts.least_way:
        return f"it needs {facts.least_way} classes or more, and these episodes have {way}"
    if facts.calibrated and shot is not None and shot < 2:
        return f"a temperature needs 2 shots or more, and these episodes have {shot}"
    return None
