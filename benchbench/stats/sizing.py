"""How many episodes and queries a question needs, and how often images are reused.

These functions are for notebooks: a reader who plans an experiment calls them with the standard
deviations of a first, short run. No command of `benchbench` does.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left
from functools import lru_cache

from scipy.special import chdtr, ndtri

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import t_quantile

NO_SPREAD = "The power is not defined if differences do not vary."


def episodes_needed(sd: float, half_width: float, level: float = 0.95) -> int:
    """Episodes for an interval over episodes of ± half_width: (z sd / half_width)^2 rounded up.

    sd: the standard deviation of the accuracy of one episode. By the normal distribution: below
    about thirty episodes Student's t makes the interval a little wider. The number is at least 2.
    Raises NoEstimate for a half-width of zero or less, and without a standard deviation.
    """
    if sd <= 0:
        raise NoEstimate("The number of episodes is not defined if accuracies do not vary.")
    if half_width <= 0:
        raise NoEstimate("No number of episodes gives an interval without a width.")
    return max(2, math.ceil((float(ndtri((1 + level) / 2)) * sd / half_width) ** 2))


def power_of(n: int, sd_of_difference: float, delta: float, level: float = 0.95) -> float:
    """The power of a two-sided paired t-test on n episodes to find a true difference of delta.

    sd_of_difference: the standard deviation of the difference of two methods on one episode; for
    two methods on separate episodes of standard deviation sd each it is sd sqrt(2). Computed by
    statsmodels. Raises NoEstimate below two episodes, and without a standard deviation.
    """
    if n < 2:
        raise NoEstimate("A paired t-test needs two episodes or more.")
    if sd_of_difference <= 0:
        raise NoEstimate(NO_SPREAD)
    from statsmodels.stats.power import TTestPower

    effect = abs(delta) / sd_of_difference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        power = float(TTestPower().power(effect, n, 1 - level))
    if math.isnan(power):
        # The noncentral t overflows far out, where only the sd in its denominator matters.
        ratio = effect * math.sqrt(n) / t_quantile(level, n - 1)
        power = float(chdtr(n - 1, (n - 1) * ratio**2))
    return power


def episodes_to_detect(
    sd_of_difference: float, delta: float, power: float = 0.8, level: float = 0.95
) -> int:
    """The fewest episodes on which a paired t-test finds a true difference of delta.

    power: the probability of finding it, below 1. See `power_of`. Raises NoEstimate for a
    difference of 0, and without a standard deviation.
    """
    if delta == 0:
        raise NoEstimate("No number of episodes detects a difference of zero.")
    if sd_of_difference <= 0:
        raise NoEstimate(NO_SPREAD)
    quantiles = float(ndtri((1 + level) / 2)) + float(ndtri(max(power, 0.5)))
    normal = math.ceil((quantiles * sd_of_difference / delta) ** 2)
    candidates = range(2, 2 * normal + 50)
    at = bisect_left(candidates, power, key=lambda n: power_of(n, sd_of_difference, delta, level))
    return candidates[at]


def detectable_difference(
    n: int, sd_of_difference: float, power: float = 0.8, level: float = 0.95
) -> float:
    """The least true difference that a paired t-test on n episodes finds with this power.

    It judges a comparison without its outcome; the power at the measured difference would only
    restate the p-value (Hoenig and Heisey, The American Statistician 55, 2001). Raises NoEstimate
    below two episodes, and without a standard deviation.
    """
    if n < 2:
        raise NoEstimate("A paired t-test needs two episodes or more.")
    if sd_of_difference <= 0:
        raise NoEstimate(NO_SPREAD)
    return sd_of_difference * _detectable_effect(n, power, level)


@lru_cache(maxsize=64)  # a table compares all its pairs on as many episodes
def _detectable_effect(n: int, power: float, level: float) -> float:
    """The same in standard deviations of the difference."""
    from scipy.optimize import brentq

    # With two episodes the t test is weak, but not weaker than a thousand standard deviations.
    root = brentq(lambda effect: power_of(n, 1.0, effect, level) - power, 0, 1000, rtol=1e-6)
    return float(root)


def variance_parts(
    queries_1: int, variance_1: float, queries_2: int, variance_2: float
) -> tuple[float, float]:
    """(A, B) of Var(accuracy of an episode) = A + B / Q, from its values at two numbers of queries.

    queries_1 and queries_2: Q, queries per class. A is what classes and supports contribute, B what
    each query does. Raises NoEstimate for equal numbers of queries, and if A or B would be
    negative.
    """
    if queries_1 == queries_2:
        raise NoEstimate("The parts of the variance need two different numbers of queries.")
    b = (variance_1 - variance_2) / (1 / queries_1 - 1 / queries_2)
    a = variance_1 - b / queries_1
    if a < 0 or b < 0:
        raise NoEstimate("The two variances are too noisy to be split: use more episodes.")
    return a, b


def best_queries(shot: int, a: float, b: float) -> float:
    """Queries per class for the narrowest interval over tasks that share no image: sqrt(K B / A).

    It minimises (A + B / Q) (K + Q), to which the variance of the mean is proportional when every
    image is used once. a, b: A and B of `variance_parts`. The question is that of Lafargue et al.
    (TMLR 2024, arXiv:2409.02850). Raises NoEstimate if a is not positive (the more queries the
    better), or b is not.
    """
    if a <= 0:
        raise NoEstimate("All variance is that of the queries: the more of them the better.")
    if b <= 0:
        raise NoEstimate("None of the variance is that of the queries: one is as good as many.")
    return math.sqrt(shot * b / a)


def reuse(images_drawn: int, images_available: int) -> float:
    """How often an image was drawn on average. Raises NoEstimate if there are no images."""
    if images_available < 1:
        raise NoEstimate("There are no images to draw.")
    return images_drawn / images_available


def reuse_warning(images_drawn: int, images_available: int) -> str | None:
    """A warning if images were drawn more than once on average; None otherwise.

    Source: Lafargue et al. (TMLR 2024, arXiv:2409.02850). Raises NoEstimate without images.
    """
    ratio = reuse(images_drawn, images_available)
    if ratio <= 1:
        return None
    return (
        f"Each of the {images_available} images was drawn {ratio:.1f} times on average, so that "
        "± episodes says nothing about other images."
    )
