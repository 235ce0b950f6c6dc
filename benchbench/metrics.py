"""Metrics: functions of the scores float64 [n_query, n_way] and the labels int64 [n_query]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import MethodError
from benchbench.hookspecs import hookimpl

Metric = Callable[[NDArray[np.float64], NDArray[np.int64]], float]


def accuracy(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The share of queries whose highest score is their own class's."""
    return float(np.mean(scores.argmax(axis=1) == labels))


def checked_scores(scores: Any, n_query: int, n_way: int) -> NDArray[np.float64]:
    """A classifier's answer as float64 [n_query, n_way]; MethodError where it is not that."""
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
    register(accuracy)
