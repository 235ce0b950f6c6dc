"""The temperature of an episode's scores, from its support alone.

Each support image is classified by the method adapted to a support without it: how right and how
sure it is of these images, whose classes everybody knows, says how sure it may be. No query has a
part in it.
"""

from __future__ import annotations

import numpy as np

from benchbench.system.arrays import FloatArray, IntArray

MOST_FOLDS = 5
WIDEST = 1e4
"""The largest factor between the scores' own spread and the temperature, and its inverse."""


def held_out(labels: IntArray) -> list[IntArray]:
    """The places of a support that are held out together, in up to five folds.

    labels: class slots int64 [n]. Each class with two images or more is in every fold, and keeps
    one at least; those with a single one are never held out. Empty if there is nothing to hold out.
    """
    counts = np.bincount(labels)
    several = counts[labels] >= 2
    if not several.any():
        return []
    folds = min(MOST_FOLDS, int(counts[labels][several].min()))
    place = np.empty(len(labels), np.int64)  # of an image in its class
    for slot in np.unique(labels):
        place[labels == slot] = np.arange(counts[slot])
    return [np.flatnonzero(several & (place % folds == fold)) for fold in range(folds)]


def fitted_temperature(scores: FloatArray, labels: IntArray) -> float:
    """The temperature T for which the softmax of scores / T explains the labels best.

    scores: float64 [n, n_way] of held-out images with labels int64 [n]. It minimises the
    cross-entropy (Guo et al., ICML 2017, section 4.2) to targets of (n + 1) / (n + 2) for the right
    class and equal ones for the others, as Platt (1999) smooths his; otherwise a support without a
    mistake would ask for certainty. Scores that are all equal have the temperature 1.
    """
    # Imported here, as most runs fit none.
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    count, way = scores.shape
    spread = float((scores - scores.mean(axis=1, keepdims=True)).std())
    if spread == 0 or way == 1:
        return 1.0
    wrong = 1 / (count + 2)
    targets = np.full((count, way), wrong / (way - 1))
    targets[np.arange(count), labels] = 1 - wrong

    def loss(log_inverse: float) -> float:
        log_p = log_softmax(scores / spread * np.exp(log_inverse), axis=1)
        return float(-(targets * log_p).sum())

    bounds = (-np.log(WIDEST), np.log(WIDEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return spread / float(np.exp(found.x))
