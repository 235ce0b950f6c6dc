"""One number over several sources and a few runs of each, with its interval.

scores are [tasks, runs]: the mean accuracy of each training run (seed, not episode) on each source,
best made comparable by `chance_normalised`. The definitions are those of Agarwal et al. (NeurIPS
2021, arXiv:2108.13264). Intervals come from a stratified bootstrap: runs are resampled within each
task and the tasks stay, so that the intervals are about other runs and not about other data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import require_spread
from benchbench.stats.skewed import interquartile_mean
from benchbench.system.arrays import FloatArray

RESAMPLES = 9999
BATCH = 500


@dataclass(frozen=True)
class Aggregate:
    """An estimate and its percentile interval."""

    value: float
    low: float
    high: float


def chance_normalised(accuracy: ArrayLike, way: ArrayLike) -> FloatArray:
    """(accuracy - 1 / way) / (1 - 1 / way): 0 is guessing, 1 is perfect, negative is worse.

    accuracy and way are of shapes that broadcast. Raises NoEstimate for a way below two.
    """
    chance = 1 / np.asarray(way, dtype=np.float64)
    if (chance > 0.5).any():
        raise NoEstimate("With fewer than two classes every guess is right.")
    return np.asarray((np.asarray(accuracy, dtype=np.float64) - chance) / (1 - chance))


def stratified_bootstrap(
    scores: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    level: float = 0.95,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Aggregate:
    """A statistic of scores [tasks, runs] with its percentile interval, runs drawn within tasks.

    statistic: from [..., tasks, runs] to [...]. Source: Agarwal et al. (2021), section 4.1. Raises
    NoEstimate with one run.
    """
    return _bootstrap(statistic, [scores], level, resamples, seed)


def iqm_over_sources(scores: FloatArray, level: float = 0.95) -> Aggregate:
    """The interquartile mean of all scores [tasks, runs] and its stratified bootstrap interval.

    Source: Agarwal et al. (2021), section 4.3. See `interquartile_mean` for the convention. Raises
    NoEstimate with one run.
    """
    return stratified_bootstrap(scores, _iqm, level)


def mean_over_sources(scores: FloatArray, level: float = 0.95) -> Aggregate:
    """The mean of all scores [tasks, runs], and its interval. Raises NoEstimate with one run."""
    return stratified_bootstrap(scores, lambda s: s.mean(axis=(-2, -1)), level)


def _iqm(scores: FloatArray) -> FloatArray:
    return np.asarray(interquartile_mean(scores.reshape(*scores.shape[:-2], -1), axis=-1))


def optimality_gap(scores: ArrayLike, target: float = 1.0) -> float:
    """By how much the scores fall short of the target on average; scores above it count as equal.

    Source: Agarwal et al. (2021), section 4.3.
    """
    return float(target - np.minimum(scores, target).mean())


def performance_profile(scores: ArrayLike, taus: ArrayLike) -> FloatArray:
    """The share [taus] of all scores above each tau. Source: Agarwal et al. (2021), section 4.2."""
    ordered = np.sort(np.asarray(scores, dtype=np.float64), axis=None)
    return 1 - np.searchsorted(ordered, np.asarray(taus), side="right") / ordered.size


def probability_of_improvement(x: FloatArray, y: FloatArray) -> float:
    """How probable it is that a run of X beats a run of Y on a task drawn at random.

    x: [tasks, runs of X], y: [tasks, runs of Y]. It is Mann and Whitney's U over the number of
    pairs of runs, ties counted half, averaged over tasks. Source: Agarwal et al. (2021), section
    4.3.
    """
    return float(_improvement(x, y))


def improvement_interval(x: FloatArray, y: FloatArray, level: float = 0.95) -> Aggregate:
    """`probability_of_improvement` and its interval. Raises NoEstimate with one run of either."""
    return _bootstrap(_improvement, [x, y], level)


def _improvement(x: FloatArray, y: FloatArray) -> FloatArray:
    """From [..., tasks, runs] to [...]."""
    difference = x[..., :, None] - y[..., None, :]
    return np.asarray(((np.sign(difference) + 1) / 2).mean(axis=(-3, -2, -1)))


def _bootstrap(
    statistic: Callable[..., FloatArray],
    tables: Sequence[FloatArray],
    level: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Aggregate:
    """A statistic of tables [tasks, runs], each of which is redrawn by itself.

    Raises NoEstimate with one run, and if the statistic is the same whichever runs are drawn.
    """
    if min(table.shape[1] for table in tables) < 2:
        raise NoEstimate(
            "One run per task says nothing of other runs: a bootstrap of runs needs two or more."
        )
    rng = np.random.default_rng(seed)
    drawn = []
    for start in range(0, resamples, BATCH):
        size = min(BATCH, resamples - start)
        drawn.append(statistic(*(_redraw(table, size, rng) for table in tables)))
    values = np.concatenate(drawn)
    require_spread(values)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Aggregate(float(statistic(*tables)), float(low), float(high))


def _redraw(scores: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    """Scores [size, tasks, runs] with the runs of each task drawn with replacement."""
    tasks, runs = scores.shape
    chosen = rng.integers(runs, size=(size, tasks, runs))
    return np.asarray(scores[np.arange(tasks)[:, None], chosen])
