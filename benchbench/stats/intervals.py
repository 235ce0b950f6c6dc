"""Intervals for one mean or statistic, as pure functions of arrays. Accuracies are in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from benchbench.errors import NoEstimate
from benchbench.system.arrays import FloatArray, IntArray

Classes = Sequence[IntArray]  # the class ids of each episode

FEWEST_TO_RESAMPLE = 10
EVERY_CLASS = "Every episode has all classes, so that nothing is known of other classes."
BATCH = 1000  # resamples held in memory at a time
ROUNDING = 1e-12  # two accuracies that differ by less are the same number


def t_quantile(level: float, degrees: float) -> float:
    """Student's t at (1 + level) / 2; from scipy.special, as scipy.stats takes 0.8 s to import."""
    return float(stdtrit(degrees, (1 + level) / 2))


def require_spread(values: ArrayLike) -> None:
    """Raise NoEstimate if all values are equal: that others would be so too is not known."""
    if np.ptp(values) <= ROUNDING:
        raise NoEstimate("All values are equal, so that nothing is known of their spread.")


def mean_interval(accuracy: FloatArray, level: float = 0.95) -> float:
    """± episodes: half-width of Student's t interval for the mean of per-episode accuracies [n].

    It is about other draws of episodes from the same images and classes. Raises NoEstimate below
    two episodes, and if all are equal.
    """
    if len(accuracy) < 2:
        raise NoEstimate("An interval over episodes needs two episodes or more.")
    require_spread(accuracy)
    error = np.std(accuracy, ddof=1) / np.sqrt(len(accuracy))
    return t_quantile(level, len(accuracy) - 1) * float(error)


def mean_difference(a: FloatArray, b: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """The mean of a less that of b, of independent samples [n] and [m], and ± its t interval.

    The variances need not be equal (Welch, Biometrika 34, 1947). Raises NoEstimate if a sample has
    fewer than two values, and if neither varies.
    """
    if min(len(a), len(b)) < 2:
        raise NoEstimate("A difference of two means needs two values or more on either side.")
    require_spread(np.concatenate([a - a[0], b - b[0]]))
    difference = float(a.mean() - b.mean())
    squares = [float(np.var(sample, ddof=1)) / len(sample) for sample in (a, b)]
    least = squares[0] ** 2 / (len(a) - 1) + squares[1] ** 2 / (len(b) - 1)
    quantile = t_quantile(level, sum(squares) ** 2 / least)
    return difference, quantile * float(np.sqrt(sum(squares)))


def class_interval(accuracy: FloatArray, classes: Classes, level: float = 0.95) -> float:
    """± classes: half-width of the interval for what a fresh draw of test classes would give.

    accuracy: [n], one number per episode: an accuracy, or the difference of two methods on the same
    episodes, which may be negative. classes: the class ids of each episode, equally many in each.

    The mean accuracy is a U-statistic in the classes; the variance of its projection on one class,
    zeta, is estimated by the variance over classes of the mean accuracy of a class's episodes less
    the noise of these means, and

        SE^2 = N^2 zeta / C + sd^2 / n        (Hoeffding 1948, first order)

    with N-way episodes, C classes and n episodes. An episode's classes are drawn without
    replacement, so that a class excludes itself from the other slots and its mean shows only
    (C - N) / (C - 1) of its effect; zeta is divided by the square of that. It is estimated from the
    classes that are in two episodes or more, and t has one degree of freedom less than their
    number. Raises NoEstimate below two episodes, if all are equal, if the way varies, if every
    episode has all classes, and if fewer than two classes recur.
    """
    _require_episodes(accuracy, classes)
    ways = {len(ids) for ids in classes}
    if len(ways) != 1:
        raise NoEstimate(
            "The way varies from episode to episode: use the bootstrap of classes (class_bootstrap)"
            " for an interval over classes."
        )
    way = ways.pop()
    _, position = np.unique(np.concatenate(classes), return_inverse=True)
    repeated = np.repeat(accuracy, way)
    count = np.bincount(position)
    if len(count) == way:
        raise NoEstimate(EVERY_CLASS)
    mean = np.bincount(position, repeated) / count
    squares = np.bincount(position, (repeated - mean[position]) ** 2)
    recurs = count >= 2
    if recurs.sum() < 2:
        raise NoEstimate("Fewer than two classes are in two episodes or more.")
    noise = squares[recurs] / (count[recurs] - 1) / count[recurs]
    shown = (len(count) - way) / (len(count) - 1)
    zeta = max(0.0, float(np.var(mean[recurs], ddof=1) - noise.mean())) / shown**2
    variance = way**2 * zeta / len(count) + float(np.var(accuracy, ddof=1)) / len(accuracy)
    return t_quantile(level, int(recurs.sum()) - 1) * float(np.sqrt(variance))


def class_bootstrap(
    accuracy: FloatArray,
    classes: Classes,
    level: float = 0.95,
    *,
    resamples: int = 9999,
    seed: int = 0,
) -> tuple[float, float]:
    """± classes if the way varies: (low, high) for what a fresh draw of test classes would give.

    accuracy: [n], accuracies or differences of two methods. classes: the class ids of each episode.

    A resample draws the C classes with replacement, w_c times class c, and the n episodes:

        T* = mean of the drawn episodes + sum_c (w_c - 1) IF_c        (exact to first order)

    where IF_c is the influence of class c on the mean T (see `class_influence`). The interval is
    the expanded percentile interval (Hesterberg, The American Statistician 69, 2015): its quantiles
    lie as far out as those of Student's t with C - 1 degrees of freedom, and the influences are
    multiplied by sqrt(C / (C - 1)), as a resample of C classes varies too little by that. Raises
    NoEstimate below two episodes, if all are equal, below ten classes, and if every episode has all
    classes.
    """
    _require_episodes(accuracy, classes)
    influence = class_influence(accuracy, classes)
    total, n = len(influence), len(accuracy)
    influence = influence * np.sqrt(total / (total - 1))
    rng = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for start in range(0, resamples, BATCH):
        size = min(BATCH, resamples - start)
        weights = rng.multinomial(total, np.full(total, 1 / total), size)
        episodes = accuracy[rng.integers(n, size=(size, n))].mean(axis=1)
        drawn[start : start + size] = episodes + weights @ influence
    tail = float(ndtr(-t_quantile(level, total - 1)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def class_half_width(accuracy: FloatArray, classes: Classes, level: float = 0.95) -> float:
    """± classes of any episodes: `class_interval`, or half of `class_bootstrap` if the way varies.

    Raises NoEstimate as either of them.
    """
    if len({len(ids) for ids in classes}) <= 1:
        return class_interval(accuracy, classes, level)
    low, high = class_bootstrap(accuracy, classes, level)
    return (high - low) / 2


def class_influence(accuracy: FloatArray, classes: Classes) -> FloatArray:
    """The influence [C] of each class on the mean accuracy, in the order of the class ids.

    It is the first-order effect of one more copy of the class among C, and sums to zero:

        IF_c = sum over episodes e with c of (a_e - f(N_e)) / sum over e of (C - N_e) / (C - 1)

    less its mean over classes. The denominator is about n if episodes are small; as in
    `class_interval`, an N-way episode shows only (C - N) / (C - 1) of a class's effect. Episodes
    are not corrected one by one, which would amplify the noise of those with nearly all classes (in
    simulations this covers better when episodes are few). f is a quadratic in log N fitted to all
    episodes: that larger episodes are harder is not a property of a class. The sum of squares also
    contains the noise of the episodes; the influences are shrunk by its share. Raises NoEstimate
    below ten classes, and if every episode has all classes.
    """
    way = np.array([len(ids) for ids in classes])
    _, position = np.unique(np.concatenate(classes), return_inverse=True)
    total, n = int(position.max()) + 1, len(accuracy)
    if total < FEWEST_TO_RESAMPLE:
        raise NoEstimate(f"A bootstrap of classes needs {FEWEST_TO_RESAMPLE} classes or more.")
    if (way == total).all():
        raise NoEstimate(EVERY_CLASS)
    surprise = (accuracy - _expected_by_way(accuracy, way)) / ((total - way) / (total - 1)).sum()
    contribution = np.zeros((n, total))
    contribution[np.repeat(np.arange(n), way), position] = np.repeat(surprise, way)
    contribution -= contribution.mean(axis=1, keepdims=True)
    influence: FloatArray = contribution.sum(axis=0)
    squares = float((influence**2).sum())
    noise = n * float(contribution.var(axis=0, ddof=1).sum())
    return influence * np.sqrt(max(0.0, 1 - noise / squares)) if squares > 0 else influence


def _expected_by_way(accuracy: FloatArray, way: IntArray) -> FloatArray:
    """The accuracy [n] that is expected of episodes of that way."""
    degree = min(2, len(np.unique(way)) - 1)
    powers = np.vander(np.log(way), degree + 1)
    return np.asarray(powers @ np.linalg.lstsq(powers, accuracy, rcond=None)[0])


def _require_episodes(accuracy: FloatArray, classes: Classes) -> None:
    if len(accuracy) != len(classes):
        raise ValueError(f"{len(accuracy)} accuracies but the classes of {len(classes)} episodes")
    if len(accuracy) < 2:
        raise NoEstimate("An interval over classes needs two episodes or more.")
    require_spread(accuracy)


def wilson_interval(correct: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """(low, high) for the share correct / total of independent trials, such as one test set.

    Wilson's score interval (JASA 22, 1927) without continuity correction: unlike mean ± z sd it
    stays within [0, 1] and has a width at 0 and at 1. Raises NoEstimate without trials.
    """
    from scipy import stats

    if total < 1:
        raise NoEstimate("A share needs one trial or more.")
    found = stats.binomtest(correct, total).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)
