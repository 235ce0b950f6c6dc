"""Ranked tables: methods in rows, test sources in columns, average ranks, and what they hang on."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from json import dumps
from typing import Any

import pandas as pd

from benchbench.results.numbers import DASH
from benchbench.results.printed import Bold, Marked
from benchbench.results.ranking import RULES, Decision, RankedTable
from benchbench.results.reporters.csv_cells import csv_text
from benchbench.results.reporters.markdown import bullets, markdown_table
from benchbench.results.reporters.marks import apart, evidence_notes, seen_text, setting_text
from benchbench.results.standing import groups

METHOD, SEEN, SETTING, AVERAGE = OTHER_COLUMNS = (
    "method",
    "pre-trained on",
    "setting",
    "average rank",
)

FRAGILE_LISTED = 5
EVERYTHING = 100
"""Per cent. An interval of such a half-width holds all accuracies, and says nothing."""


def ranked_markdown(table: RankedTable, left_out: str = "") -> str:
    """The table with its notes. left_out: a sentence on what could not be ranked."""
    return f"{markdown_table(ranked_cells(table))}\n\n{bullets(rank_notes(table, left_out))}\n"


def ranked_cells(table: RankedTable) -> pd.DataFrame:
    """The table as printed; columns on weights and setting only if there is something to say."""
    columns: dict[str, list[str]] = {METHOD: table.methods}
    if table.standings:
        seen = [seen_text(one) for one in table.overall.values()]
        settings = [setting_text(one) for one in table.overall.values()]
        columns |= {SEEN: [text or DASH for text in seen]} if any(seen) else {}
        columns |= {SETTING: settings} if set(settings) != {"inductive"} else {}
    columns[AVERAGE] = [f"{rank:.2f}" for rank in table.average]
    for source, cells in table.cells.groupby(level=1, sort=False):
        columns[source_column(str(source))] = [_cell(cell) for cell in cells.itertuples()]
    return pd.DataFrame(columns, dtype=object)  # strings would forget that they are bold


def source_column(source: str) -> str:
    """The heading of a test source, which is not that of another column."""
    return f"{source} (test source)" if source in OTHER_COLUMNS else source


def _cell(cell: Any) -> str:
    known = not pd.isna(cell.half_width) and cell.half_width < EVERYTHING
    interval = f" ± {_figure(cell.half_width)}" if known else ""
    text = f"{_figure(cell.accuracy)}{interval} ({cell.rank:g})"
    return Bold(text) if cell.best else text


def _figure(number: Decimal | float) -> str:
    """A printed figure as it was; a measured one with two decimals."""
    return f"{number:.2f}" if isinstance(number, float) else str(number)


def rank_notes(table: RankedTable, left_out: str = "") -> list[str]:
    """What the ranks mean, whom they hold among, and which decisions are close."""
    figures = "Accuracy in %, ± episodes, and the rank."
    notes: list[str] = [Marked(f"{figures} Rule `{table.rule}`: {RULES[table.rule]}.")]
    members = groups(table.overall)
    notes += apart(members)
    notes += [
        f"An average rank holds among these {len(names)} methods only: {', '.join(names)}."
        for names in members.values()
        if len(names) > 1
    ]
    notes += evidence_notes(table.standings)
    none = table.cells.index[[width == 0 for width in table.cells["half_width"]]]
    if len(none):
        method, source = none[0]
        notes.append(
            f"Warning: {len(none)} of the intervals are ± 0, such as that of {method} on {source}, "
            "which no number of episodes can show; ranks that rest on them are too sure."
        )
    if table.closest:
        notes.append(f"Closest decision: {_sentence(table.closest, table.rule)}.")
    notes += [left_out] if left_out else []
    if fragile := table.within_rounding:
        listed = [_sentence(one, table.rule) for one in fragile[:FRAGILE_LISTED]]
        if len(fragile) > FRAGILE_LISTED:
            listed.append(f"and {len(fragile) - FRAGILE_LISTED} more")
        notes.append(
            f"Warning: the figures are rounded, and without that {len(fragile)} of "
            f"{len(table.decisions)} decisions may fall out otherwise: {'; '.join(listed)}."
        )
    return notes


def _sentence(decision: Decision, rule: str) -> str:
    tie = "" if decision.different else ", a tie"
    unit = "in p" if rule == "paired" else "points"
    pair = f"{decision.leader} and {decision.other} on {decision.source}{tie}"
    return f"{pair}, margin {decision.margin:.4f} {unit}"


def ranked_csv(table: RankedTable) -> str:
    """A row for each method and source, which can be ranked again."""
    return csv_text(_figures(table).assign(rule=table.rule))


def ranked_json(table: RankedTable) -> str:
    """The methods, the best of each group first, with what they have on each source."""
    methods = []
    for method, of in _figures(table).groupby("method", sort=False):
        numbers = of.set_index("test_source")[["accuracy_percent", "ci95_percent", "rank"]]
        on = numbers.astype(float).astype(object).where(numbers.notna(), None)
        shared = of[["setting", "average_rank"] if table.standings else ["average_rank"]].iloc[0]
        methods.append({"method": method, **shared, "on": on.to_dict(orient="index")})
    content = {
        "rule": table.rule,
        "test_sources": table.sources,
        "methods": methods,
        "closest_decision": asdict(table.closest) if table.closest else None,
        "within_rounding": [asdict(one) for one in table.within_rounding],
    }
    return dumps(content, indent=1) + "\n"


def _figures(table: RankedTable) -> pd.DataFrame:
    """The cells, with the columns that `figures.read_figures` reads."""
    cells = table.cells.reset_index()
    frame = pd.DataFrame(
        {
            "method": cells["method"],
            "test_source": cells["test_source"],
            "setting": cells["method"].map(lambda method: table.overall[method].group),
            "accuracy_percent": cells["accuracy"],
            "ci95_percent": cells["half_width"],
            "rank": cells["rank"],
            "average_rank": cells["method"].map(table.average),
        }
    )
    return frame if table.standings else frame.drop(columns="setting")
