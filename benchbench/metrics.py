"""Metrics: functions of the scores float64 [n_query, n_way] and the labels int64 [n_query]."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchbench.errors import BenchbenchError, MethodError
from benchbench.registry import loading
from benchbench.registry.hookspecs import hookimpl
from benchbench.runs.rows import COLUMNS as EPISODE_COLUMNS
from benchbench.system.arrays import FloatArray, IntArray

Metric = Callable[[FloatArray, IntArray], float]

CALIBRATION_BINS = 15


def accuracy(scores: FloatArray, labels: IntArray) -> float:
    """The share of queries whose highest score is their own class's."""
    return float(np.mean(scores.argmax(axis=1) == labels))


def balanced_accuracy(scores: FloatArray, labels: IntArray) -> float:
    """The mean recall of the classes that have queries; accuracy if all have equally many."""
    queries = np.bincount(labels)
    found = np.bincount(labels, weights=scores.argmax(axis=1) == labels)
    return float(np.mean(found[queries > 0] / queries[queries > 0]))


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
        expected_calibration_error,
        negative_log_likelihood,
    ):
        register(metric)


def find_metrics(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics of these names; accuracy is always there and is left out.

    Raises BenchbenchError for an unknown one, and for one that is called like another column.
    """
    found = {
        name: loading.find("register_metrics", "metric", name)
        for name in names
        if name != "accuracy"
    }
    if found:
        from benchbench.results.leaderboard import COLUMNS, GROUP
    for name in found:
        if name in (*EPISODE_COLUMNS, *GROUP, *COLUMNS):
            raise BenchbenchError(f"The metric '{name}' has the name of another column.")
    return found
