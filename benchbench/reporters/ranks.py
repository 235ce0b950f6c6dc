"""Ranked tables: methods in rows, test sources in columns, average ranks, and what they hang on."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from json import dumps

import pandas as pd

from benchbench.numbers import DASH
from benchbench.ranking import RULES, Decision, RankedCell, RankedTable
from benchbench.reporters.markdown import markdown_table
from benchbench.reporters.marks import apart, evidence_notes, seen_text, setting_text
from benchbench.reporters.sections import Bold
from benchbench.standing import groups

FRAGILE_LISTED = 5


def ranked_markdown(table: RankedTable, left_out: str = "") -> str:
    """The table with its notes. left_out: a sentence on what could not be ranked."""
    notes = "".join(f"* {note}\n" for note in rank_notes(table, left_out))
    return f"{markdown_table(ranked_cells(table))}\n\n{notes}"


def ranked_cells(table: RankedTable) -> pd.DataFrame:
    """The table as it is printed: accuracy ± half-width (rank), the best of a group in bold.

    What the weights have seen and the setting are columns unless there is nothing to say of them.
    """
    columns: dict[str, list[str]] = {"method": table.methods}
    if table.standings:
        overall = table.overall.values()
        seen = [seen_text(one) for one in overall]
        settings = [setting_text(one) for one in overall]
        columns |= {"pre-trained on": [text or DASH for text in seen]} if any(seen) else {}
        columns |= {"setting": settings} if set(settings) != {"inductive"} else {}
    columns["average rank"] = [f"{rank:.2f}" for rank in table.average]
    for source in table.sources:
        columns[source] = [_cell(table, method, source) for method in table.methods]
    return pd.DataFrame(columns, dtype=object)  # strings would forget that they are bold


def _cell(table: RankedTable, method: str, source: str) -> str:
    cell = table.cell(method, source)
    interval = "" if cell.half_width is None else f" ± {_figure(cell.half_width)}"
    text = f"{_figure(cell.accuracy)}{interval} ({cell.rank:g})"
    return Bold(text) if cell.best else text


def _figure(number: Decimal | float) -> str:
    """A printed figure as it was; a measured one with two decimals."""
    return f"{number:.2f}" if isinstance(number, float) else str(number)


def rank_notes(table: RankedTable, left_out: str = "") -> list[str]:
    """What the ranks mean, whom they hold among, and which decisions are close."""
    notes = [f"Accuracy in %, ± episodes, and the rank. Rule `{table.rule}`: {RULES[table.rule]}."]
    members = groups(table.overall)
    notes += apart(members)
    for names in members.values():
        among = f"these {len(names)} methods" if len(names) > 1 else "one method"
        notes.append(f"An average rank holds among {among} only: {', '.join(names)}.")
    notes += evidence_notes(table.standings)
    if table.closest:
        notes.append(f"Closest decision: {_told(table.closest, table.rule)}.")
    notes += [left_out] if left_out else []
    if fragile := table.within_rounding:
        listed = "; ".join(_told(one, table.rule) for one in fragile[:FRAGILE_LISTED])
        more = f"; and {len(fragile) - FRAGILE_LISTED} more" * (len(fragile) > FRAGILE_LISTED)
        notes.append(
            f"Warning: the figures are rounded, and without that {len(fragile)} of "
            f"{len(table.decisions)} decisions may fall out otherwise: {listed}{more}."
        )
    return notes


def _told(decision: Decision, rule: str) -> str:
    tie = "" if decision.different else ", a tie"
    unit = "in p" if rule == "paired" else "points"
    pair = f"{decision.leader} and {decision.other} on {decision.source}{tie}"
    return f"{pair}, margin {decision.margin:.4f} {unit}"


def ranked_csv(table: RankedTable) -> str:
    """A row for each method and source, which can be ranked again."""
    rows = [
        {
            "method": method,
            "test_source": source,
            **({"setting": table.overall[method].group} if table.standings else {}),
            "accuracy_percent": cell.accuracy,
            "ci95_percent": cell.half_width,
            "rank": cell.rank,
            "average_rank": average,
            "rule": table.rule,
        }
        for method, average in zip(table.methods, table.average, strict=True)
        for source in table.sources
        for cell in [table.cell(method, source)]
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def ranked_json(table: RankedTable) -> str:
    """The methods, the best of each group first, with what they have on each source."""
    methods = [
        {
            "method": method,
            **({"setting": table.overall[method].group} if table.standings else {}),
            "average_rank": average,
            "on": {source: _object(table.cell(method, source)) for source in table.sources},
        }
        for method, average in zip(table.methods, table.average, strict=True)
    ]
    content = {
        "rule": table.rule,
        "test_sources": table.sources,
        "methods": methods,
        "closest_decision": asdict(table.closest) if table.closest else None,
        "within_rounding": [asdict(one) for one in table.within_rounding],
    }
    return dumps(content, indent=1, ensure_ascii=False) + "\n"


def _object(cell: RankedCell) -> dict[str, float | None]:
    return {
        "accuracy_percent": float(cell.accuracy),
        "ci95_percent": None if cell.half_width is None else float(cell.half_width),
        "rank": float(cell.rank),
    }
