"""`benchbench compare`: methods against each other on the episodes that they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchbench.across import sources_of
from benchbench.comparison import chosen_entries, compare_entries, comparison_frame
from benchbench.errors import BenchbenchError
from benchbench.reporters import csv, json
from benchbench.reporters.comparisons import compared_markdown
from benchbench.reporters.sources import significance_over_sources


def compare_command(
    methods: Sequence[str],
    results: Sequence[Path],
    dataset: str | None,
    reference: str | None,
    style: str,
) -> str:
    """The comparisons of each protocol that all the methods have results on, as text.

    Raises BenchbenchError where fewer than two are named or they share no protocol.
    """
    names = list(dict.fromkeys([*methods, *([reference] if reference else [])]))
    if len(names) < 2:
        raise BenchbenchError("A comparison needs two methods or run directories.")
    tables = chosen_entries(names, results, dataset)
    compared = [
        compare_entries(table, table[names.index(reference)] if reference else None)
        for table in tables
    ]
    if style != "markdown":
        frame = pd.concat(map(comparison_frame, compared), ignore_index=True)
        return csv(frame) if style == "csv" else json(frame)
    parts = [compared_markdown(found, reference) for found in compared]
    if len(tables) > 1:
        parts.append(significance_over_sources(sources_of(tables)))
    return "\n".join(parts)
