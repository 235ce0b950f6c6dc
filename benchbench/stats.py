"""Intervals, as pure functions of arrays. Accuracies are in [0, 1]; half-widths likewise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit


def mean_interval(accuracy: NDArray[np.float64], level: float = 0.95) -> float | None:
    """± episodes: half-width of Student's t interval for the mean of per-episode accuracies.

    It speaks of other draws of episodes from the same images and classes. None below two episodes.
    """
    if len(accuracy) < 2:
        return None
    error = np.std(accuracy, ddof=1) / np.sqrt(len(accuracy))
    return float(_quantile(level, len(accuracy) - 1) * error)


def class_interval(
    accuracy: NDArray[np.float64], classes: list[NDArray[np.int64]], level: float = 0.95
) -> float | None:
    """± classes: half-width of the interval for what a fresh draw of test classes would give.

    classes: the class ids of each episode. The mean accuracy is a U-statistic in the classes;
    the variance of its projection on one class, zeta, is estimated by the variance over classes of
    the mean accuracy of a class's episodes less the noise of these means, and

        SE^2 = N^2 zeta / C + sd^2 / n        (Hoeffding 1948, first order)

    with N-way episodes, C classes and n episodes. An episode's classes are drawn without
    replacement, so that a class keeps others of its kind away and its mean shows only
    (C - N) / (C - 1) of its effect; zeta is divided by the square of that. It is estimated from
    the classes that are in two episodes or more, and t has one degree of freedom less than there
    are of them. None where the way varies, every episode has all classes, or fewer than two recur.
    """
    ways = {len(ids) for ids in classes}
    if len(ways) != 1 or len(accuracy) < 2:
        return None
    way = ways.pop()
    _, position = np.unique(np.concatenate(classes), return_inverse=True)
    repeated = np.repeat(accuracy, way)
    count = np.bincount(position)
    mean = np.bincount(position, repeated) / count
    squares = np.bincount(position, (repeated - mean[position]) ** 2)
    recurs = count >= 2
    if recurs.sum() < 2 or len(count) == way:
        return None
    noise = squares[recurs] / (count[recurs] - 1) / count[recurs]
    shown = (len(count) - way) / (len(count) - 1)
    zeta = max(0.0, float(np.var(mean[recurs], ddof=1) - noise.mean())) / shown**2
    variance = way**2 * zeta / len(count) + np.var(accuracy, ddof=1) / len(accuracy)
    return float(_quantile(level, int(recurs.sum()) - 1) * np.sqrt(variance))


def _quantile(level: float, degrees: int) -> float:
    """Student's t at (1 + level) / 2; from scipy.special, as scipy.stats takes 0.7 s to import."""
    return float(stdtrit(degrees, (1 + level) / 2))
