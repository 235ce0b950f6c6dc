"""What `benchbench run` prints at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from benchbench.datasets.base import OpenDataset
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.progress import say
from benchbench.samplers import Sampler
from benchbench.store import Cell

RULE = "paired"
"""Of the ranks of several sources."""


class Tested(NamedTuple):
    """The outcome of all methods on one test source; sampler: that drew its episodes, or None."""

    dataset: OpenDataset
    episodes: EpisodeSet
    cells: list[Cell]
    sampler: Sampler | None


def tell_tables(tested: Sequence[Tested]) -> None:
    """Print the table of a data set; of several, a column for each and average ranks."""
    # Their libraries take a second to import, which is free while a worker starts.
    from benchbench.leaderboard import run_table
    from benchbench.reporters import markdown_table
    from benchbench.stats import reuse_warning

    if len(tested) > 1:
        _tell_sources(tested)
        return
    dataset, episodes, cells, sampler = tested[0]
    print(markdown_table(run_table(cells, len(episodes))))
    if warning := reuse_warning(episodes.images_drawn, len(dataset.view(episodes.split).rows)):
        cure = " With --replacement none it speaks of them." if _can_be_disjoint(sampler) else ""
        say(warning + cure)


def _can_be_disjoint(sampler: Sampler | None) -> bool:
    """Whether the sampler, with its other parameters as they are, takes --replacement none."""
    try:
        replace(sampler, replacement="none")  # type: ignore[type-var]
    except (TypeError, ValueError):
        return False
    return True


def _tell_sources(tested: Sequence[Tested]) -> None:
    """A table of each source, and one of them all where a method has results on every one."""
    from benchbench.across import sources_of
    from benchbench.leaderboard import entry_of, run_table
    from benchbench.reporters import markdown_table
    from benchbench.reporters.sources import sources_table

    for dataset, episodes, cells, _ in tested:
        print(f"## {dataset.source}\n\n{markdown_table(run_table(cells, len(episodes)))}\n")
    tables = [
        [entry for cell in cells if (entry := entry_of(cell, len(episodes))) is not None]
        for _, episodes, cells, _ in tested
    ]
    try:
        sources = sources_of([table for table in tables if table])
        print(f"## All {len(sources.names)} sources\n\n{sources_table(sources, RULE)}", end="")
    except BenchbenchError as error:
        say(str(error))
