"""Training seeds and episodes, both drawn at random: variance components and intervals.

Pooling the episodes of all seeds as if they were independent is wrong: the episodes of one seed
share its weights, and the pooled interval shrinks with more episodes though no seed was added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import mean_interval, require_spread, t_quantile
from benchbench.system.arrays import FloatArray

ONE_SEED = "One seed says nothing of other seeds: train with two or more."


@dataclass(frozen=True)
class CrossedSeeds:
    """Mean accuracy over seeds and episodes, its half-width, and variance components.

    var_seed, var_episode and var_residual are variances of one accuracy; negative estimates are
    cut off at 0. degrees are those of Student's t, after Satterthwaite.
    """

    mean: float
    half_width: float
    var_seed: float
    var_episode: float
    var_residual: float
    degrees: float


@dataclass(frozen=True)
class NestedSeeds:
    """Mean of the seeds' means, its half-width, and variance components.

    var_seed (cut off at 0) and var_episode are variances of one accuracy; degrees are those of t.
    """

    mean: float
    half_width: float
    var_seed: float
    var_episode: float
    degrees: float


def crossed_seeds(scores: FloatArray, level: float = 0.95) -> CrossedSeeds:
    """All seeds on the same episodes: a two-way random model without replication.

    scores: accuracies [seeds, episodes], or differences of two methods. The half-width is about
    other seeds and other episodes at once (from the same images and classes):

        SE^2 = var_seed / S + var_episode / E + var_residual / (S E)

    Degrees of freedom after Satterthwaite (Biometrics Bulletin 2, 1946), over the mean squares that
    make up SE^2. Below five seeds the components are unreliable: look at the mean of each seed. For
    two methods on the same seeds and episodes, take differences first. Source: Searle, Casella and
    McCulloch, Variance Components (1992), chapter 4. Raises NoEstimate with one seed or one
    episode, and if all scores are equal.
    """
    seeds, episodes = scores.shape
    if seeds < 2:
        raise NoEstimate(ONE_SEED)
    if episodes < 2:
        raise NoEstimate("Variance components need two episodes or more.")
    require_spread(scores)
    of_seed, of_episode, mean = scores.mean(axis=1), scores.mean(axis=0), float(scores.mean())
    residual = scores - of_seed[:, None] - of_episode + mean
    free = np.array([seeds - 1, episodes - 1, (seeds - 1) * (episodes - 1)])
    squares = np.array(
        [
            episodes * ((of_seed - mean) ** 2).sum(),
            seeds * ((of_episode - mean) ** 2).sum(),
            (residual**2).sum(),
        ]
    )
    ms = squares / free
    var_seed, var_episode = max(0.0, ms[0] - ms[2]) / episodes, max(0.0, ms[1] - ms[2]) / seeds
    counts = var_seed > 0, var_episode > 0
    parts = ms * [counts[0], counts[1], 1 - sum(counts)]
    total = float(parts.sum())
    degrees = total**2 / float((parts**2 / free).sum())
    half_width = t_quantile(level, degrees) * float(np.sqrt(total / scores.size))
    return CrossedSeeds(
        mean, half_width, float(var_seed), float(var_episode), float(ms[2]), degrees
    )


def nested_seeds(scores: Sequence[FloatArray], level: float = 0.95) -> NestedSeeds:
    """Fresh episodes for each seed: Student's t over the means of the seeds.

    scores: the accuracies [episodes] of each seed. If all have equally many episodes this is the
    exact interval of one-way random effects, SE^2 = MS_between / (S E) with S - 1 degrees of
    freedom. Otherwise it is still t over the equally weighted means, and only approximate, as means
    of fewer episodes are noisier; the components use the mean of 1 / E. Below five seeds the
    components are unreliable: look at the mean of each seed. Source: Searle, Casella and McCulloch,
    Variance Components (1992), chapter 3. Raises NoEstimate with one seed, if a seed has fewer
    than two episodes, and if the means of the seeds are equal.
    """
    if len(scores) < 2:
        raise NoEstimate(ONE_SEED)
    if min(map(len, scores)) < 2:
        raise NoEstimate("Variance components need two episodes or more of every seed.")
    means = np.array([one.mean() for one in scores])
    sizes = np.array([len(one) for one in scores])
    within = sum(float(((one - one.mean()) ** 2).sum()) for one in scores) / (sizes - 1).sum()
    between = float(np.var(means, ddof=1)) - within * float((1 / sizes).mean())
    return NestedSeeds(
        float(means.mean()),
        mean_interval(means, level),
        max(0.0, between),
        float(within),
        float(len(scores) - 1),
    )
