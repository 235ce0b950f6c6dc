"""Methods over several data sets, where enough of them are common to all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import isinf
from typing import TYPE_CHECKING, TypeAlias

from benchbench.datasets.integrity.contamination import contamination
from benchbench.errors import BenchbenchError
from benchbench.results import plots
from benchbench.results.across import sources_of
from benchbench.results.entries import Entry
from benchbench.results.leaderboard import p_equals
from benchbench.results.report.pictures import Picture
from benchbench.results.report.tables import Table, ranked
from benchbench.runs.store import slug
from benchbench.stats import Friedman, friedman, nemenyi_critical_difference

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw: TypeAlias = "Callable[[str, str, Callable[[], Figure]], Picture | None]"

METHODS, SOURCES = 3, 2
"""The fewest that average ranks are given for."""


@dataclass
class Overview:
    """Average ranks of methods of one setting over the data sets of one kind of episodes."""

    anchor: str
    title: str
    table: Table
    notes: list[str] = field(default_factory=list)
    picture: Picture | None = None


def overviews(tables: Sequence[list[Entry]], draw: Draw) -> list[Overview]:
    """One for each kind of episodes, shared training and setting that has enough to compare."""
    groups: dict[tuple[str, ...], list[list[Entry]]] = {}
    for entries in tables:
        first = entries[0].first
        split = str(first.identity["split"])
        shared = [first.collection] if first.trained_on else []
        words = [str(first.identity["protocol"]), *([split] if split != "test" else []), *shared]
        groups.setdefault(tuple(words), []).append(entries)
    found = []
    for kind, members in groups.items():
        for setting in ("inductive", "transductive"):
            title = ", ".join([*kind, setting])
            overview = _overview(title, _fair(members, setting), draw)
            found += [overview] if overview else []
    return found


def _fair(tables: Sequence[list[Entry]], setting: str) -> list[list[Entry]]:
    """A table for each data set, of the setting's entries that have not seen its classes."""
    largest: dict[str, list[Entry]] = {}
    for entries in tables:
        fair = [entry for entry in entries if _is_fair(entry, setting)]
        name = entries[0].first.dataset
        if len(fair) > len(largest.get(name, [])):
            largest[name] = fair
    several = len({e.first.identity["budget"] for table in largest.values() for e in table}) > 1
    return [[_named(entry, several) for entry in table] for table in largest.values()]


def _is_fair(entry: Entry, setting: str) -> bool:
    method = entry.first.manifest["method"]
    transductive = bool(method.get("transductive"))
    seen = contamination(method.get("pretrained_on") or [], entry.first.subject)
    return transductive == (setting == "transductive") and seen == "none"


def _named(entry: Entry, several_budgets: bool) -> Entry:
    if not several_budgets:
        return entry
    return replace(entry, label=plots.with_budget(entry.label, str(entry.first.identity["budget"])))


def _overview(title: str, tables: list[list[Entry]], draw: Draw) -> Overview | None:
    try:
        sources = sources_of(tables)
        if len(sources.names) < SOURCES or len(sources.methods) < METHODS:
            return None
        accuracies = sources.accuracies()
        test = friedman(accuracies)
        n, k = accuracies.shape
        cd = nemenyi_critical_difference(k, n)
    except BenchbenchError:
        return None
    notes = [
        f"Friedman: χ² = {test.chi2:.2f} with {k - 1} degrees of freedom, "
        f"p {p_equals(test.p_chi2)}; {_iman_davenport(test)}.",
        f"Nemenyi's critical difference at 5 % is {cd:.2f} ranks; a bar joins methods within it.",
    ]
    notes += [test.caution] if test.caution else []
    if sources.left_out:
        notes.append(f"Left out, without all of these data sets: {', '.join(sources.left_out)}.")
    notes.append("Only methods whose pre-training cannot have seen the classes of these data sets.")
    ranks = {str(name): float(rank) for name, rank in test.average_ranks.items()}
    return Overview(
        anchor=f"over-{slug(title)}",
        title=title,
        table=ranked(f"Average ranks, {title}", accuracies, test.average_ranks),
        notes=notes,
        picture=draw(
            f"{slug(title)}-critical-difference",
            "Average ranks over data sets; 1 is best.",
            lambda: plots.critical_difference_plot(ranks, cd, n),
        ),
    )


def _iman_davenport(test: Friedman) -> str:
    if isinf(test.f):
        return "Iman and Davenport's F is infinite, as all data sets rank the methods alike"
    degrees = ", ".join(map(str, test.f_degrees))
    return f"Iman and Davenport: F({degrees}) = {test.f:.2f}, p {p_equals(test.p_f)}"
