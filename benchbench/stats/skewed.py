"""Medians, interquartile means and other skewed statistics, and their intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import BATCH, FEWEST_TO_RESAMPLE, require_spread
from benchbench.system.arrays import FloatArray


def bca_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.median,
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> tuple[float, float]:
    """(low, high): bias-corrected and accelerated bootstrap of a statistic of values [n].

    For medians, interquartile means and other statistics without an interval of their own; the
    values are the units that are resampled (episodes, classes or seeds). statistic: a function of
    an array and an axis, such as numpy.median and `interquartile_mean`, or of an array [n] alone.

    If leaving out any one value leaves the statistic unchanged, as for the median of tied
    accuracies, the acceleration is taken to be 0. Source: Efron (JASA 82, 1987); computed by
    scipy.stats.bootstrap. Raises NoEstimate below ten values, and if all are equal.
    """
    from scipy import stats

    units = np.asarray(values, dtype=np.float64)
    if len(units) < FEWEST_TO_RESAMPLE:
        raise NoEstimate(f"A bootstrap needs {FEWEST_TO_RESAMPLE} values or more.")
    require_spread(units)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (units,),
            statistic,
            confidence_level=level,
            n_resamples=resamples,
            method="BCa",
            batch=BATCH,
            random_state=np.random.default_rng(seed),
        )
    low, high = (float(end) for end in found.confidence_interval)
    if np.isnan([low, high]).any():
        return _bias_corrected(found.bootstrap_distribution, float(statistic(units)), level)
    return low, high


def _bias_corrected(drawn: FloatArray, estimate: float, level: float) -> tuple[float, float]:
    """The BCa interval with an acceleration of 0."""
    below = float(np.mean(drawn < estimate) + np.mean(drawn == estimate) / 2)
    bias, tail = ndtri(below), ndtri((1 - level) / 2)
    low, high = np.quantile(drawn, ndtr([2 * bias + tail, 2 * bias - tail]))
    return float(low), float(high)


def interquartile_mean(values: ArrayLike, axis: int | None = None) -> np.floating | FloatArray:
    """The mean of the middle half of the values, over an axis or over all of them.

    The convention is that of scipy.stats.trim_mean: floor(n / 4) values are cut at either end.
    Source: Agarwal et al. (NeurIPS 2021, arXiv:2108.13264), section 4.3. Raises NoEstimate without
    values.
    """
    from scipy import stats

    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0:
        raise NoEstimate("An interquartile mean needs one value or more.")
    mean: np.floating | FloatArray = stats.trim_mean(numbers, 0.25, axis=axis)
    return mean
