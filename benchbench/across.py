"""Methods over several data sets: tests, average ranks and aggregates, on complete tables only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.comparison import adjusted_p_values, half_width
from benchbench.errors import BenchbenchError
from benchbench.ranking import RankedTable, rank_table
from benchbench.results import Entry
from benchbench.stats import chance_normalised


@dataclass(frozen=True)
class Sources:
    """The methods that have results on every one of several test sources.

    entries: by method's label, then by source; way: of each source, None where it varies; left_out:
    the methods that lack a source.
    """

    names: tuple[str, ...]
    entries: dict[str, dict[str, Entry]]
    way: dict[str, int | None]
    left_out: dict[str, list[str]]

    @property
    def methods(self) -> list[str]:
        return list(self.entries)

    def accuracies(self) -> pd.DataFrame:
        """Mean accuracies in [0, 1], a row a source and a column a method."""
        return pd.DataFrame(
            {
                method: [float(of[source].accuracy.mean()) for source in self.names]
                for method, of in self.entries.items()
            },
            index=list(self.names),
        )

    def seed_scores(self, method: str) -> NDArray[np.float64]:
        """Chance-normalised mean accuracies [sources, seeds] of the seeds that every source has.

        Raises BenchbenchError where the way of a source varies, as chance then does.
        """
        of = self.entries[method]
        seeds = [
            seed for seed in of[self.names[0]].seeds if all(seed in e.seeds for e in of.values())
        ]
        rows = []
        for source in self.names:
            way = self.way[source]
            if way is None:
                raise BenchbenchError(f"The way of {source} varies, and so does chance.")
            entry = of[source]
            means = entry.scores[[entry.seeds.index(seed) for seed in seeds]].mean(axis=1)
            rows.append(chance_normalised(means, way))
        return np.stack(rows)

    def ranked(self, rule: str) -> RankedTable:
        """The methods ranked on each source by one of `ranking.RULES`."""
        frame = pd.DataFrame(
            {
                "method": method,
                "test_source": source,
                "accuracy": float(entry.accuracy.mean()),
                "half_width": half_width(entry),
            }
            for method, of in self.entries.items()
            for source, entry in of.items()
        )
        adjusted = {
            source: adjusted_p_values([of[source] for of in self.entries.values()])
            for source in self.names
        }
        return rank_table(frame, rule, adjusted)


def sources_of(tables: Sequence[Sequence[Entry]]) -> Sources:
    """The tables of several protocols, each a source, with the methods that all of them have.

    A source is called by its data set, and by its protocol as well where two would be called alike.
    Raises BenchbenchError below two sources, or where no method has them all.
    """
    if len(tables) < 2:
        raise BenchbenchError("Average ranks need results on two data sets or more.")
    names = source_names([table[0] for table in tables])
    labels = list(dict.fromkeys(entry.label for table in tables for entry in table))
    found: dict[str, dict[str, Entry]] = {
        label: {
            name: entry
            for name, table in zip(names, tables, strict=True)
            for entry in table
            if entry.label == label
        }
        for label in labels
    }
    complete = {label: of for label, of in found.items() if len(of) == len(names)}
    if not complete:
        raise BenchbenchError(f"No method has results on all of {', '.join(names)}.")
    lacking = {
        label: [name for name in names if name not in of]
        for label, of in found.items()
        if label not in complete
    }
    ways = {name: table[0].facts.get("way") for name, table in zip(names, tables, strict=True)}
    return Sources(tuple(names), complete, ways, lacking)


def source_names(entries: Sequence[Entry]) -> list[str]:
    """What the sources of these entries are called: as little as tells them apart."""
    short = [entry.first.source for entry in entries]
    plain = [entry.first.dataset for entry in entries]
    full = [f"{e.first.dataset} {e.first.identity['protocol']}" for e in entries]
    whole = [
        f"{name} seed {e.first.identity['episode_seed']}"
        for name, e in zip(full, entries, strict=True)
    ]
    for names in (short, plain, full, whole):
        if len(set(names)) == len(names):
            return names
    return [f"{name} {number}" for number, name in enumerate(whole, start=1)]
