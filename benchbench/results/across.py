"""Methods over several data sets: tests, average ranks and aggregates, on complete tables only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError
from benchbench.results.comparison import paired_p_values
from benchbench.results.entries import Entry
from benchbench.results.ranking import RankedTable, rank_table
from benchbench.results.spread import half_width
from benchbench.results.standing import groups, standing, worst
from benchbench.stats import chance_normalised


def rank_methods(entries: Mapping[tuple[str, str], Entry], rule: str) -> RankedTable:
    """Entries by method and test source, ranked by one of `ranking.RULES` in per cent.

    paired: by the paired test on the episodes that both have met, at 5 % after Holm over the
    comparisons with one leader. Raises BenchbenchError if an entry is missing.
    """
    frame = pd.DataFrame(
        {
            "method": method,
            "test_source": source,
            "accuracy": 100 * float(entry.accuracy.mean()),
            "half_width": 100 * half_width(entry),
            "standing": standing(entry),
        }
        for (method, source), entry in entries.items()
    )
    return rank_table(
        frame, rule, lambda source, names: paired_p_values([entries[n, source] for n in names])
    )


@dataclass(frozen=True)
class Sources:
    """Methods on several test sources; `found` has entries by method's label, then by source."""

    names: tuple[str, ...]
    found: dict[str, dict[str, Entry]]

    @property
    def entries(self) -> dict[str, dict[str, Entry]]:
        """By method and source, of the methods that have all sources."""
        return {label: of for label, of in self.found.items() if len(of) == len(self.names)}

    @property
    def left_out(self) -> dict[str, list[str]]:
        """The methods that lack a source, and what they lack."""
        return {
            label: [name for name in self.names if name not in of]
            for label, of in self.found.items()
            if len(of) < len(self.names)
        }

    def groups(self) -> dict[str, Sources]:
        """Each group of methods that is ranked together, if one of them has all sources."""
        standings = {
            label: worst([standing(entry) for entry in of.values()])
            for label, of in self.found.items()
        }
        parts = {
            group: replace(self, found={label: self.found[label] for label in labels})
            for group, labels in groups(standings).items()
        }
        return {group: part for group, part in parts.items() if part.entries}

    def accuracies(self) -> pd.DataFrame:
        """Mean accuracies in [0, 1], a row for each source and a column for each method."""
        return pd.DataFrame(
            {
                method: [float(of[source].accuracy.mean()) for source in self.names]
                for method, of in self.entries.items()
            },
            index=list(self.names),
        )

    def seed_scores(self, method: str) -> NDArray[np.float64]:
        """Chance-normalised means [sources, seeds] of the seeds that every source has.

        Raises BenchbenchError if the way of a source varies, as chance then does.
        """
        of = self.entries[method]
        seeds = [
            seed for seed in of[self.names[0]].seeds if all(seed in e.seeds for e in of.values())
        ]
        rows = []
        for source, entry in of.items():
            if entry.facts.get("way") is None:
                raise BenchbenchError(f"The way of {source} varies, and so does chance.")
            means = entry.scores[[entry.seeds.index(seed) for seed in seeds]].mean(axis=1)
            rows.append(chance_normalised(means, entry.facts["way"]))
        return np.stack(rows)

    def ranked(self, rule: str) -> RankedTable:
        """The methods ranked on each source, those of one group among themselves."""
        flat = {
            (m, source): entry for m, of in self.entries.items() for source, entry in of.items()
        }
        return rank_methods(flat, rule)


def sources_of(tables: Sequence[Sequence[Entry]]) -> Sources:
    """The tables of several protocols as sources, called by as little as tells them apart.

    Raises BenchbenchError below two sources, or if no method has them all.
    """
    if len(tables) < 2:
        raise BenchbenchError("Average ranks need results on two data sets or more.")
    names = source_names([table[0] for table in tables])
    found: dict[str, dict[str, Entry]] = {}
    for name, table in zip(names, tables, strict=True):
        for entry in table:
            found.setdefault(entry.label, {})[name] = entry
    sources = Sources(tuple(names), found)
    if not sources.entries:
        raise BenchbenchError(f"No method has results on all of {', '.join(names)}.")
    return sources


def families_of(tables: Iterable[list[Entry]]) -> list[tuple[str, list[list[Entry]]]]:
    """The tables of each kind of episodes, with the collection that shares a training, if any."""
    found: dict[tuple[str, str], list[list[Entry]]] = {}
    for table in tables:
        first = table[0].first
        shared = first.collection if first.trained_on else ""
        found.setdefault((first.kind, shared), []).append(table)
    return [(shared, family) for (_, shared), family in found.items()]


def source_names(entries: Sequence[Entry]) -> list[str]:
    """What the sources of these entries are called: as little as tells them apart."""
    firsts = [entry.first for entry in entries]
    full = [f"{one.dataset} {one.identity['protocol']}" for one in firsts]
    seeds = [one.identity["episode_seed"] for one in firsts]
    whole = [f"{name} seed {seed}" for name, seed in zip(full, seeds, strict=True)]
    for names in ([one.source for one in firsts], [one.dataset for one in firsts], full, whole):
        if len(set(names)) == len(names):
            return names
    return [f"{name} {number}" for number, name in enumerate(whole, start=1)]
