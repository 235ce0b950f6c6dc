"""Intervals where every draw of support images is tested on the same test images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import ROUNDING, mean_interval, require_spread, t_quantile
from benchbench.system.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class OverTestImages:
    """Half-widths of intervals for a mean accuracy: of what other data would give.

    draws: other draws of support images, with these test images. images: other test images of these
    classes, with these draws. both: other draws and other test images. draws and both are None if
    there is one draw, or if all have one accuracy.
    """

    draws: float | None
    images: float
    both: float | None


def over_test_images(correct: FloatArray, classes: IntArray, level: float = 0.95) -> OverTestImages:
    """The intervals of D draws on the same n test images of known classes.

    correct: [D, n], 1 where the answer is right, or its mean over seeds, in [0, 1]; classes: int
    [n], of the images. Images are a sample stratified by class. With r the D means of draws and m
    the n means of images,

        draws^2 = var(r) / D        images^2 = sum over classes of n_c var_c(m) / n^2

    and both^2 is their sum less what both contain, the mean square of what is left in a class when
    its draws' and its images' means are taken off, over D n (two crossed factors; Owen, Annals of
    Applied Statistics 1, 2007). t has Satterthwaite's degrees of freedom. Raises NoEstimate if no
    class has two images, and if all images of each class are answered alike.
    """
    draws, total = correct.shape
    strata = _strata(classes)
    means = correct.mean(axis=0)
    counts = np.bincount(strata)
    if (counts < 2).any():
        raise NoEstimate("An interval over test images needs two of a class or more.")
    centres = np.bincount(strata, means) / counts
    require_spread(means - centres[strata])
    squares = np.bincount(strata, (means - centres[strata]) ** 2)
    of_images = float((counts * squares / (counts - 1)).sum()) / total**2
    freedom = total - len(counts)
    images = t_quantile(level, freedom) * float(np.sqrt(of_images))
    of_draws = correct.mean(axis=1)
    if draws < 2 or np.ptp(of_draws) <= ROUNDING:
        return OverTestImages(None, images, None)
    variance = float(np.var(of_draws, ddof=1)) / draws
    common = _residual(correct, strata, counts) / (draws * total)
    whole = max(variance + of_images - common, variance, of_images)
    degrees = whole**2 / (variance**2 / (draws - 1) + of_images**2 / freedom)
    both = t_quantile(level, degrees) * float(np.sqrt(whole))
    return OverTestImages(mean_interval(of_draws, level), images, both)


def _strata(classes: IntArray) -> IntArray:
    """The classes as 0 .. c - 1; those of a single image are one stratum together."""
    _, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    alone = counts == 1
    if not alone.any():
        return np.asarray(inverse)
    first = int(np.argmax(alone))
    merged = np.where(alone, first, np.arange(len(counts)))
    return np.asarray(np.unique(merged[inverse], return_inverse=True)[1])


def _residual(correct: FloatArray, strata: IntArray, counts: IntArray) -> float:
    """The mean square of what neither the draw nor the image explains, class by class."""
    draws, total = correct.shape
    by_class = np.stack([np.bincount(strata, row) / counts for row in correct])
    means = correct.mean(axis=0)
    centres = by_class.mean(axis=0)
    left = correct - by_class[:, strata] - (means - centres[strata])
    squares = float(np.square(left).sum())
    freedom = (draws - 1) * (total - len(counts))
    return float(squares / freedom)
