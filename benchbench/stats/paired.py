"""Methods on the same episodes: differences, their intervals and tests."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import ROUNDING, Classes, class_half_width, mean_interval
from benchbench.system.arrays import FloatArray

EXACT_UP_TO = 16  # non-zero differences; 2^16 patterns of signs
BATCH = 1024
CANCELLED = 1e-4  # share of the variances left in that of the difference

FEWEST_FOR_T = 10
"""Episodes below which no t test decides: a variance of so few may be 0 by chance."""


@dataclass(frozen=True)
class PairedDifference:
    """Mean accuracy of a less that of b over the same n episodes.

    ci_episodes and ci_classes are half-widths; if ci_classes is None, ci_classes_reason says why.
    p_t and p_sign_flip are two-sided; exact is whether p_sign_flip is over all patterns of signs.
    effect_size is Cohen's d_z, mean / sd of the differences, and sd their standard deviation. If
    every difference is the same, nothing is known of their spread: ci_episodes, ci_classes, p_t and
    effect_size are None, and sd is 0. correlation is Pearson's, None if a or b is constant.
    """

    difference: float
    ci_episodes: float | None
    ci_classes: float | None
    ci_classes_reason: str | None
    p_t: float | None
    p_sign_flip: float
    exact: bool
    effect_size: float | None
    sd: float
    correlation: float | None
    n: int

    @property
    def p(self) -> float:
        """The p-value to decide by: of the t test, if it has a spread and episodes enough."""
        return self.p_sign_flip if self.p_t is None or self.n < FEWEST_FOR_T else self.p_t


def compare_paired(
    a: FloatArray,
    b: FloatArray,
    classes: Classes | None = None,
    level: float = 0.95,
    *,
    seed: int = 0,
    fewest: int = 2,
) -> PairedDifference:
    """Compare two methods by their accuracies [n] and [n] on the same n episodes.

    classes: the class ids of each episode, for the interval over classes. seed: that of the random
    signs. p_t is that of Student's paired t-test, p_sign_flip that of `sign_flip`. fewest: 1 is for
    callers who know the spread of one episode's difference by other means, as over its images;
    here it has none. Raises NoEstimate below so many episodes, and ValueError if a and b are not
    equally long.
    """
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} and {len(b)} accuracies are not those of the same episodes")
    difference = a - b
    n = len(difference)
    if n < fewest:
        raise NoEstimate("A paired comparison needs two episodes or more.")
    if np.ptp(difference) <= ROUNDING:
        difference = np.full(n, 0.0 if abs(difference[0]) <= ROUNDING else difference[0])
    ci_classes, reason = _over_classes(difference, classes, level)
    varies = bool(np.ptp(difference) > 0)
    mean = float(difference.mean() if varies else difference[0])
    sd = float(np.std(difference - mean, ddof=1)) if varies else 0.0
    effect = mean / sd if varies else None
    p_sign_flip, exact = sign_flip(difference, seed=seed)
    constant = min(np.ptp(a), np.ptp(b)) <= ROUNDING
    return PairedDifference(
        difference=mean,
        ci_episodes=mean_interval(difference, level) if varies else None,
        ci_classes=ci_classes,
        ci_classes_reason=reason,
        p_t=None if effect is None else float(2 * stdtr(n - 1, -abs(effect) * math.sqrt(n))),
        p_sign_flip=p_sign_flip,
        exact=exact,
        effect_size=effect,
        sd=sd,
        correlation=None if constant else float(np.corrcoef(a, b)[0, 1]),
        n=n,
    )


def _over_classes(
    difference: FloatArray, classes: Classes | None, level: float
) -> tuple[float | None, str | None]:
    if classes is None:
        return None, "The classes of the episodes are not known."
    try:
        return class_half_width(difference, classes, level), None
    except NoEstimate as error:
        return None, error.reason


def sign_flip(difference: FloatArray, *, flips: int = 9999, seed: int = 0) -> tuple[float, bool]:
    """(p, exact): the two-sided sign-flip permutation test on the mean of differences [n].

    If the methods are equal, each difference may as well have the other sign. With at most 16
    differences that are not zero all patterns of signs are counted and exact is true. So it is if
    all m of them have one sign, however many: p = 2^(1 - m) is then the least there is. Otherwise
    p = (1 + hits) / (1 + flips) over random ones, which is never 0 (Phipson and Smyth, Statistical
    Applications in Genetics and Molecular Biology 9, 2010).
    Source: Fisher, The Design of Experiments (1935), section 21.
    """
    moved = difference[np.abs(difference) > ROUNDING]
    size = np.abs(moved)
    if abs(np.sign(moved).sum()) == len(size):
        return min(1.0, 2.0 ** (1 - len(size))), True
    total = float(size.sum())
    # Sums that are equal on paper must count as equal.
    bar = abs(float(difference.sum())) - 1e-10 * total
    if len(size) <= EXACT_UP_TO:
        patterns = np.arange(2 ** len(size), dtype=np.uint32)[:, None]
        positive = patterns >> np.arange(len(size), dtype=np.uint32) & 1
        return float(np.mean(np.abs(2 * (positive @ size) - total) >= bar)), True
    rng, hits, sums_of = np.random.default_rng(seed), 0, _sums_by_octet(size)
    places = np.arange(len(sums_of))
    for start in range(0, flips, BATCH):
        rows = min(BATCH, flips - start)
        octets = rng.integers(256, size=(rows, len(places)), dtype=np.uint8)
        sums = sums_of[places, octets].sum(axis=1)
        hits += int((np.abs(2 * sums - total) >= bar).sum())
    return (1 + hits) / (1 + flips), False


def _sums_by_octet(size: FloatArray) -> FloatArray:
    """What each eight sizes add up to, by an octet whose bits say which of them count.

    The result is [ceil(n / 8), 256]. To look sums up is faster than to add all sizes for each flip.
    """
    eights = np.pad(size, (0, -len(size) % 8)).reshape(-1, 8)
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    # A matrix product would spend longer on waking its threads than this takes.
    return np.asarray(np.einsum("oe,be->ob", eights, bits))


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's adjusted p-values [m] (Scandinavian Journal of Statistics 6, 1979)."""
    # Not by statsmodels, which collects all garbage at each call: most of the time of a report.
    raw = np.asarray(p_values, dtype=np.float64)
    order = raw.argsort()
    adjusted = np.empty_like(raw)
    adjusted[order] = np.maximum.accumulate(raw[order] * np.arange(raw.size, 0, -1))
    return np.minimum(adjusted, 1)


def pairwise_p_values(scores: FloatArray) -> FloatArray:
    """Two-sided p-values [k, k] of paired tests between all pairs of k methods on n episodes.

    scores: [k, n]. They are those of t tests; of the exact `sign_flip` below ten episodes and for
    differences that do not vary, where t would take a chance for a certainty. The diagonal, and
    pairs of equal rows, have p = 1. All variances come from one covariance matrix; if two methods
    are so similar that their variances nearly cancel, from the differences themselves. Raises
    NoEstimate below two episodes.
    """
    k, n = scores.shape
    if n < 2:
        raise NoEstimate("A paired test needs two episodes or more.")
    # What all methods share cancels in every difference, but its rounding errors do not.
    scores = scores - scores.mean(axis=0)
    mean = scores.mean(axis=1)
    centred = scores - mean[:, None]
    covariance = centred @ centred.T / (n - 1)
    rows, columns = np.triu_indices(k, 1)
    variances = np.diag(covariance)
    apart = variances[rows] + variances[columns]
    variance = apart - 2 * covariance[rows, columns]
    for some in np.array_split(np.flatnonzero(variance <= CANCELLED * apart), 1 + k * k // 20_000):
        exactly = centred[rows[some]] - centred[columns[some]]
        exactly[np.abs(exactly) < ROUNDING] = 0
        variance[some] = np.einsum("pe,pe->p", exactly, exactly) / (n - 1)
    upper = np.ones(len(rows))
    by_t = (variance > ROUNDING**2) & (n >= FEWEST_FOR_T)
    t = np.abs(mean[rows] - mean[columns])[by_t] / np.sqrt(variance[by_t] / n)
    upper[by_t] = 2 * stdtr(n - 1, -t)
    for pair in np.flatnonzero(~by_t).tolist():
        upper[pair], _ = sign_flip(scores[rows[pair]] - scores[columns[pair]])
    p_values = np.ones((k, k))
    p_values[rows, columns] = p_values[columns, rows] = upper
    return p_values
