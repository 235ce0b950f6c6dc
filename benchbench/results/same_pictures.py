"""A method on several data sets of the same pictures, found by its name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.results.comparison import find_entries
from benchbench.results.entries import Entry, tables_of
from benchbench.results.pairing import episodes_met, with_datasets
from benchbench.results.stored import no_runs, results_below

Pairs = list[tuple[Entry, Entry]]


def pairs_over(
    names: Sequence[str], folders: Sequence[Path], datasets: Sequence[str]
) -> list[Pairs]:
    """Each method on each two of these data sets, for all episodes that they have in common.

    names: labels of methods. Raises BenchbenchError if the data sets share no episodes of them.
    """
    results = [one for one in results_below(folders) if one.dataset in datasets]
    if not results:
        raise no_runs(folders, f" on {' or '.join(datasets)}")
    tables = tables_of(results)
    names = [one.label for one in find_entries(names, [each for table in tables for each in table])]
    found: dict[tuple[Any, ...], dict[str, list[Entry]]] = {}
    for table in tables:
        if set(names) <= {entry.label for entry in table}:
            first = table[0].first
            by_dataset = found.setdefault(episodes_met(first), {})
            by_dataset[first.dataset] = find_entries(names, table)
    complete = [of for of in found.values() if set(datasets) <= set(of)]
    if not complete:
        raise BenchbenchError(
            f"{' and '.join(datasets)} share no episodes of {', '.join(names)}; `benchbench "
            "episodes make --out FILE.npz` of one and `run --episodes FILE.npz` on both makes them."
        )
    return [_pairs([of[name] for name in datasets]) for of in complete]


def _pairs(by_dataset: Sequence[Sequence[Entry]]) -> Pairs:
    """Each method on each two data sets; the methods of all are in one order."""
    return [
        pair
        for same in zip(*by_dataset, strict=True)
        for pair in combinations(with_datasets(list(same)), 2)
    ]
