"""Methods over several data sets, if enough of them are common to all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.results import plots, rank_plot
from benchbench.results.across import Sources, families_of, sources_of
from benchbench.results.entries import Entry
from benchbench.results.labels import labelled_alike
from benchbench.results.report.pictures import Draw, Picture
from benchbench.results.report.tables import Table, ranked
from benchbench.results.reporters.across import ENOUGH_METHODS, friedman_notes
from benchbench.results.reporters.ranks import rank_notes
from benchbench.runs.names import slug
from benchbench.stats import friedman, nemenyi_critical_difference


@dataclass
class Overview:
    """Average ranks of the methods of one group over the data sets of one kind of episodes."""

    anchor: str
    title: str
    table: Table
    notes: list[str] = field(default_factory=list)
    picture: Picture | None = None


def overviews(tables: Sequence[list[Entry]], rule: str, draw: Draw) -> list[Overview]:
    """One for each kind of episodes, shared training and group that has enough to compare."""
    found = []
    for shared, family in families_of(tables):
        try:
            sources = sources_of(_one_a_data_set(labelled_alike(family)))
        except BenchbenchError:
            continue
        words = [family[0][0].first.kind, *([shared] if shared else [])]
        for group, part in sources.groups().items():
            if len(part.entries) >= ENOUGH_METHODS:
                found.append(_overview(", ".join([*words, group]), part, rule, draw))
    return found


def _one_a_data_set(tables: Sequence[list[Entry]]) -> list[list[Entry]]:
    """The largest table of each data set, its labels with the budgets if these differ."""
    largest: dict[str, list[Entry]] = {}
    for entries in tables:
        name = entries[0].first.dataset
        largest[name] = max(largest.get(name, []), entries, key=len)
    if len({entry.first.identity["budget"] for table in largest.values() for entry in table}) < 2:
        return list(largest.values())
    return [
        [
            replace(e, label=plots.with_budget(e.label, str(e.first.identity["budget"])))
            for e in table
        ]
        for table in largest.values()
    ]


def _overview(title: str, sources: Sources, rule: str, draw: Draw) -> Overview:
    table, accuracies = sources.ranked(rule), sources.accuracies()
    lacking = ", ".join(sources.left_out)
    left_out = f"Left out, without all of these data sets: {lacking}." if lacking else ""
    overview = Overview(
        anchor=f"over-{slug(title)}",
        title=title,
        table=ranked(f"Average ranks, {title}", table),
        notes=[*rank_notes(table, left_out), *friedman_notes(accuracies)],
    )
    try:
        ranks = {str(name): float(r) for name, r in friedman(accuracies).average_ranks.items()}
    except NoEstimate:  # all are equal, as the notes say
        return overview
    n, k = accuracies.shape
    cd = nemenyi_critical_difference(k, n)
    overview.picture = draw(
        f"{slug(title)}-critical-difference",
        "Friedman's average ranks, by the means alone; 1 is best. A bar joins methods that lie "
        "within Nemenyi's critical difference at 5 %.",
        lambda: rank_plot.critical_difference_plot(ranks, cd, n),
    )
    return overview
