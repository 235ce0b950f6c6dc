"""Entries against each other: paired on equal episodes, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import NoEstimate, unknown_name
from benchbench.results.entries import Entry, check_same_episodes
from benchbench.stats import (
    PairedDifference,
    compare_paired,
    crossed_seeds,
    detectable_difference,
    holm,
    mean_interval,
    pairwise_p_values,
)
from benchbench.stats.ranks import meta_dataset_ranks, paired_ranks, plain_ranks

ALPHA = 0.05
WIDE = 2.0
"""More than any two accuracies can differ."""


@dataclass(frozen=True)
class Comparison:
    """Two entries on the episodes and seeds that both have.

    ci_seeds: the half-width for a fresh draw of seeds and episodes, where both have two seeds or
    more in common. p_holm: of the paired t test, over the family of the comparison. seeds: how many
    they share; 0 where none, so that the means over each one's own seeds are compared.
    """

    a: Entry
    b: Entry
    paired: PairedDifference
    ci_seeds: float | None
    p_holm: float
    seeds: int


def compare_entries(entries: Sequence[Entry], reference: Entry | None = None) -> list[Comparison]:
    """All pairs, or each entry against `reference`; Holm's correction is over these.

    Raises BenchbenchError where two entries did not meet the same episodes.
    """
    pairs = list(combinations(entries, 2))
    if reference is not None:
        pairs = [(entry, reference) for entry in entries if entry is not reference]
    found = [_difference(a, b) for a, b in pairs]
    adjusted = holm(np.array([paired.p_t for paired, _, _ in found]))
    return [
        Comparison(a, b, paired, ci_seeds, float(p), seeds)
        for (a, b), (paired, ci_seeds, seeds), p in zip(pairs, found, adjusted, strict=True)
    ]


def _difference(a: Entry, b: Entry) -> tuple[PairedDifference, float | None, int]:
    check_same_episodes(a.first, b.first)
    count = min(len(a), len(b))
    common = [seed for seed in a.seeds if seed in b.seeds]
    of_a, of_b = (_by_seed(entry, common)[:, :count] for entry in (a, b))
    paired = compare_paired(of_a.mean(axis=0), of_b.mean(axis=0), a.classes[:count])
    try:
        ci_seeds = crossed_seeds(of_a - of_b).half_width if common else None
    except NoEstimate:
        ci_seeds = None
    return paired, ci_seeds, len(common)


def _by_seed(entry: Entry, seeds: list[int]) -> NDArray[np.float64]:
    return entry.scores[[entry.seeds.index(seed) for seed in seeds]] if seeds else entry.scores


def comparison_frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """A row a pair; differences are a less b, in [-1, 1]."""
    return pd.DataFrame(
        {
            "a": one.a.label,
            "b": one.b.label,
            "difference": one.paired.difference,
            "ci_episodes": one.paired.ci_episodes,
            "ci_classes": one.paired.ci_classes,
            "ci_seeds": one.ci_seeds,
            "p_t": one.paired.p_t,
            "p_sign_flip": one.paired.p_sign_flip,
            "sign_flips": "exact" if one.paired.exact else "Monte Carlo",
            "p_holm": one.p_holm,
            "detectable": detectable_difference(one.paired.n, one.paired.sd),
            "effect_size": one.paired.effect_size,
            "correlation": one.paired.correlation,
            "episodes": one.paired.n,
            "seeds": one.seeds,
        }
        for one in comparisons
    )


def find_entries(names: Sequence[str], entries: Sequence[Entry]) -> list[Entry]:
    """The entries of one table with these labels, in the order of the names.

    Raises BenchbenchError where a name is unknown.
    """
    by_label = {entry.label: entry for entry in entries}
    for name in names:
        if name not in by_label:
            raise unknown_name("method with results", name, by_label)
    return [by_label[name] for name in names]


def adjusted_p_values(entries: Sequence[Entry]) -> NDArray[np.float64]:
    """[k, k]: paired t tests of all pairs on the episodes that both have met, after Holm."""
    counts = np.array([len(entry) for entry in entries])
    p_values = np.ones((len(entries), len(entries)))
    for count in np.unique(counts):
        longer = np.flatnonzero(counts >= count)
        if count < 2 or len(longer) < 2:
            continue
        block = pairwise_p_values(np.stack([entries[i].accuracy[:count] for i in longer.tolist()]))
        shortest = np.minimum.outer(counts[longer], counts[longer]) == count
        p_values[np.ix_(longer, longer)] = np.where(
            shortest, block, p_values[np.ix_(longer, longer)]
        )
    upper = np.triu_indices(len(entries), 1)
    if len(upper[0]):
        p_values[upper] = holm(p_values[upper])
        p_values.T[upper] = p_values[upper]
    return p_values


def rank_entries(entries: Sequence[Entry], rule: str = "paired") -> NDArray[np.float64]:
    """The ranks [k] of entries on the same episodes by one of `ranking.RULES`; 1 is best.

    paired: two entries differ if the paired t test on the episodes that both have met says so at
    5 %, after Holm over all pairs.
    """
    means = np.array([entry.accuracy.mean() for entry in entries])
    if rule == "plain":
        return plain_ranks(means)
    if rule == "meta-dataset":
        return meta_dataset_ranks(means, [half_width(entry) for entry in entries]).ranks
    return paired_ranks(means, adjusted_p_values(entries), ALPHA).ranks


def half_width(entry: Entry) -> float:
    """± episodes; of a single episode, which has none, `WIDE`, so that it ties with all."""
    try:
        return mean_interval(entry.accuracy)
    except NoEstimate:
        return WIDE
