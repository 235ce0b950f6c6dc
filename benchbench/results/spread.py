"""What is known of an entry's accuracy where its episodes show no spread, or are a single one."""

from __future__ import annotations

from benchbench.errors import NoEstimate
from benchbench.results.entries import Entry
from benchbench.stats import mean_interval, wilson_interval

MORE_THAN_ANY = 2.0
"""A half-width that ties with all: accuracies cannot differ by so much."""


def query_bounds(entry: Entry) -> tuple[float, float] | None:
    """(low, high) over the queries, if there is no interval over the episodes; else None.

    It is Wilson's interval. A single episode, or episodes that are all equal, say nothing of how
    far others would be from them; their queries are still so many trials.
    """
    try:
        mean_interval(entry.accuracy)
    except NoEstimate:
        queries = int(entry.first.n_query[: len(entry)].sum())
        return wilson_interval(round(float(entry.accuracy.mean()) * queries), queries)
    return None


def half_width(entry: Entry) -> float:
    """± episodes, or a bound on it; a single episode ties with all."""
    if len(entry) < 2:
        return MORE_THAN_ANY
    bounds = query_bounds(entry)
    if bounds is None:
        return mean_interval(entry.accuracy)
    return max(abs(bound - float(entry.accuracy.mean())) for bound in bounds)
