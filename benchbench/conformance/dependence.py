"""What a method's scores depend on, judged by what matters: predictions that change, and accuracy.

Two answers about the same queries are compared. Scores are measured against the gap between the two
best classes of a query, never against the range of all scores, which one masked class inflates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchbench.system.arrays import BoolArray, FloatArray, IntArray

SHARE_OF_GAP = 0.01
"""By so much of the gap between the best two classes scores may differ."""
ROUNDING = 4e-6
"""By so much of the scores themselves they may differ: 32 units in the last place of a float32."""
FEW = 0.01
"""The share of queries whose scores may differ more without a prediction that changes: rounding
that an adaptation by gradients has amplified."""
LEVEL = 0.001
"""The probability that an honest method that draws random numbers fails a test."""
EXCLUDED = 0.005
"""The level of the interval that must be narrow for a verdict of no dependence."""
MORE = 3.5
"""Standard errors, which are less probable still."""
DETECTABLE = 0.02
"""A difference of accuracies that a test must be able to exclude for a verdict of no dependence."""


def _accuracy(scores: FloatArray, labels: IntArray) -> float:
    """The accuracy over the queries that are of the classes; 0 if none is."""
    right = scores.argmax(axis=1) == labels
    return float(right.sum() / max(1, (labels >= 0).sum()))


@dataclass
class Comparison:
    """Answers about the same queries, episode by episode: those of the run and altered ones."""

    alteration: str
    changed: list[BoolArray] = field(default_factory=list)
    flipped: list[BoolArray] = field(default_factory=list)
    """By query: whether its scores changed beyond rounding, and its predicted class."""
    gains: list[float] = field(default_factory=list)
    """The accuracy of the run minus that of the altered answers, an episode each."""
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    largest: float = 0.0
    """The largest change of a score, as a share of its query's gap."""

    def add(self, stored: FloatArray, found: FloatArray, labels: IntArray) -> None:
        """Add an episode: scores [n_query, n_way] and the class slots of the queries [n_query].

        The slot is -1 for queries of none of the classes, about which no answer is right.
        """
        share, changed = differences(stored, found)
        self.changed.append(changed)
        self.flipped.append(stored.argmax(axis=1) != found.argmax(axis=1))
        self.largest = max(self.largest, float(share.max(initial=0.0)))
        self.before.append(_accuracy(stored, labels))
        self.after.append(_accuracy(found, labels))
        self.gains.append(self.before[-1] - self.after[-1])

    @property
    def queries(self) -> int:
        return sum(map(len, self.changed))

    @property
    def flips(self) -> int:
        """How many predictions changed."""
        return int(sum(flags.sum() for flags in self.flipped))

    @property
    def beyond_rounding(self) -> bool:
        """Whether scores change by more than rounding, and a prediction or many of them do."""
        both = zip(self.changed, self.flipped, strict=True)
        if any((changed & flipped).any() for changed, flipped in both):
            return True
        return sum(int(flags.sum()) for flags in self.changed) > FEW * self.queries

    @property
    def differs(self) -> bool:
        """Whether answers differ; many changed predictions count even if each may be rounding.

        So look those of a method that adds a huge number to its scores, and of an honest one whose
        classes are all alike.
        """
        return self.beyond_rounding or self.flips > FEW * self.queries

    @property
    def gain(self) -> tuple[float, float]:
        """The gain over all queries, and its standard error."""
        return self._per_query(np.array(self.gains))

    @property
    def flip_rate(self) -> tuple[float, float]:
        """The share of predictions that changed, and its standard error."""
        return self._per_query(np.array([flags.mean() for flags in self.flipped]))

    def _per_query(self, shares: FloatArray) -> tuple[float, float]:
        """The mean over queries of what is known by episode, and its standard error.

        Queries of an episode are not independent: it is the ratio of two sums over episodes.
        """
        counts = np.array([len(flags) for flags in self.changed], float)
        if len(counts) < 2:
            return float(shares.sum()), float("inf")
        mean = float((shares * counts).sum() / counts.sum())
        error = np.std((shares - mean) * counts, ddof=1) * np.sqrt(len(counts)) / counts.sum()
        return mean, float(error)

    def as_dict(self) -> dict[str, Any]:
        """The evidence for JSON; accuracies are of the same queries."""
        return {
            "alteration": self.alteration,
            "episodes": len(self.changed),
            "queries": self.queries,
            "predictions_changed": self.flips,
            "scores_changed": int(sum(flags.sum() for flags in self.changed)),
            "largest_change_over_gap": self.largest,
            "accuracy": float(np.mean(self.before)) if self.before else None,
            "accuracy_altered": float(np.mean(self.after)) if self.after else None,
        }


def pooled(comparisons: Sequence[Comparison]) -> Comparison:
    """All of them as one."""
    whole = Comparison(", ".join(one.alteration for one in comparisons))
    for one in comparisons:
        for name in ("changed", "flipped", "gains", "before", "after"):
            getattr(whole, name).extend(getattr(one, name))
        whole.largest = max(whole.largest, one.largest)
    return whole


def differences(stored: FloatArray, found: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Of each query: the change of its scores as a share of the gap, and whether it counts.

    stored, found: scores [n_query, n_way]. The change is that of the gap between the class that was
    best and any class that was second or is best now.
    """
    if not len(stored):
        return np.empty(0), np.empty(0, bool)
    rows = np.arange(len(stored))
    order = np.argsort(stored, axis=1, kind="stable")
    best, rivals = order[:, -1], (order[:, -2], found.argmax(axis=1))
    gap = stored[rows, best] - stored[rows, rivals[0]]
    change = np.zeros(len(stored))
    for rival in rivals:
        before = stored[rows, best] - stored[rows, rival]
        after = found[rows, best] - found[rows, rival]
        change = np.maximum(change, np.abs(after - before))
    size = np.maximum(np.abs(stored[rows, best]), np.abs(stored[rows, rivals[0]]))
    typical = np.maximum(gap, np.median(gap))
    counts = change > SHARE_OF_GAP * typical + ROUNDING * size
    share = change / np.maximum(typical, np.finfo(float).tiny + ROUNDING * size)
    return share, counts


def depends(one: Comparison, by_chance: Comparison | None) -> bool | None:
    """Whether the answers depend on what was altered; None if that cannot be decided.

    by_chance: the same queries under other seeds, of a method that draws random numbers; None for
    one that does not. Such a method is compared in distribution: its predictions must not change
    more often than by chance, and the accuracies must not differ in the paired test, which must be
    able to find a difference of 2 points. So are the accuracies of one whose every change may be
    rounding.
    """
    if not one.differs:
        return False
    if by_chance is None and one.beyond_rounding:
        return True
    from scipy import stats  # 0.7 s

    mean, error = one.gain
    freedom = max(1, len(one.gains) - 1)
    if abs(mean) > error * stats.t.ppf(1 - LEVEL / 2, freedom):
        return True
    if by_chance is not None and _more_flips(one, by_chance):
        return True
    return None if error * stats.t.ppf(1 - EXCLUDED / 2, freedom) > DETECTABLE else False


def _more_flips(one: Comparison, by_chance: Comparison) -> bool:
    """Whether predictions change more often than by chance, by `MORE` standard errors."""
    counts = np.array([one.queries, by_chance.queries], float)
    if not counts.all():
        return False
    (rate, error), (expected, of_chance) = one.flip_rate, by_chance.flip_rate
    pooled_rate = (one.flips + by_chance.flips) / counts.sum()
    binomial = np.sqrt(pooled_rate * (1 - pooled_rate) * (1 / counts).sum())
    return bool(rate - expected > MORE * max(binomial, np.hypot(error, of_chance)))


def worst(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The comparison in which most predictions changed, or else scores did most."""
    found = [one for one in comparisons if one.queries]
    return max(found, key=lambda one: (one.flips / one.queries, one.largest), default=None)
