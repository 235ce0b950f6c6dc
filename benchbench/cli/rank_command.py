"""`benchbench rank`: rank a published table, or results."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import specs
from benchbench.results import ranking
from benchbench.results.across import source_names
from benchbench.results.comparison import adjusted_p_values, half_width
from benchbench.results.entries import Entry, read_results, tables_of
from benchbench.results.published import published_figures
from benchbench.results.ranking import RULES, Cell, Decision, RankedTable
from benchbench.results.reporters import markdown_table
from benchbench.runs.store import Store

SHIPPED = "published"
REQUIRED = ("method", "test_source", "accuracy_percent")
FIGURES = ("accuracy_percent", "ci95_percent")
REMARKS = ("source", "note", "sure")
"""Columns that tell two rows apart without being what a person would choose by."""

FRAGILE_LISTED = 5
CAUTION = (
    "An average rank holds for this set of methods only: one method more or less can change the "
    "order of the others."
)


def rank_command(
    table: str,
    rule: str,
    where: Sequence[str],
    methods: str,
    sources: str,
    common: bool,
    style: str,
) -> str:
    """The ranked table as text.

    table: a csv file, `published`, or a folder of results, whose data sets are the sources. where:
    texts COLUMN=VALUE. methods, sources: names with commas between, all where empty. style:
    markdown, csv or json.

    Raises:
        BenchbenchError: something of the table or the options does not fit.
    """
    stored = Path(table).is_dir()
    if rule == "paired" and not stored:
        raise BenchbenchError(
            "The rule paired needs stored episodes, that is a folder of results, and a table has "
            "only means; rank it by --rule meta-dataset or plain."
        )
    entries = _entries(Path(table)) if stored else {}
    rows = _measured(entries) if stored else _read(table)
    for condition in where:
        rows = _filter(rows, condition)
    rows = _choose(rows, "method", methods)
    named = list(dict.fromkeys(rows["method"])) if methods else []
    rows = _choose(rows, "test_source", sources)
    _check_kept(rows, named)
    _check_single(rows)
    rows, left_out = _common(rows) if common else (rows, [])
    adjusted = _adjusted(entries, rows) if rule == "paired" else None
    figures = _figures(rows, rule) if not stored else rows
    ranked = ranking.rank_table(figures, rule, adjusted)
    if style == "csv":
        return _csv(ranked)
    return _json(ranked) if style == "json" else _markdown(ranked, left_out)


def _entries(folder: Path) -> dict[tuple[str, str], Entry]:
    """The entries below a folder, by method and test source."""
    tables = tables_of(read_results(Store(folder).runs()))
    if not tables:
        raise BenchbenchError(f"No finished runs below {folder}; `benchbench run` makes them.")
    sources = source_names([entries[0] for entries in tables])
    return {
        (entry.label, source): entry
        for source, entries in zip(sources, tables, strict=True)
        for entry in entries
    }


def _measured(entries: Mapping[tuple[str, str], Entry]) -> pd.DataFrame:
    """The frame that `ranking.rank_table` takes, in per cent, with what `--where` may ask for."""
    return pd.DataFrame(
        {
            "method": method,
            "test_source": source,
            "accuracy": 100 * float(entry.accuracy.mean()),
            "half_width": 100 * half_width(entry),
            "protocol": str(entry.first.identity["protocol"]),
            "budget": str(entry.first.identity["budget"]),
        }
        for (method, source), entry in entries.items()
    )


def _adjusted(
    entries: Mapping[tuple[str, str], Entry], rows: pd.DataFrame
) -> dict[str, NDArray[np.float64]]:
    """The p-values of all pairs of methods on each source, adjusted within it."""
    methods, sources = ranking.check_complete(rows)
    return {
        source: adjusted_p_values([entries[method, source] for method in methods])
        for source in sources
    }


def _read(table: str) -> pd.DataFrame:
    rows = published_figures() if table == SHIPPED else _read_csv(Path(table))
    missing = [column for column in REQUIRED if column not in rows]
    if missing:
        raise BenchbenchError(
            f"{table} has no column {' and no column '.join(missing)}; its first line must name "
            f"{', '.join([*REQUIRED, 'ci95_percent'])}."
        )
    if rows.empty:
        raise BenchbenchError(f"{table} has no rows below its first line; add a figure a row.")
    if "dataset" in rows:
        sources = rows["test_source"]
        rows["test_source"] = sources.where(sources != "", rows["dataset"])
    return rows


def _read_csv(path: Path) -> pd.DataFrame:
    """The cells as text, without spaces around them."""
    if not path.exists():
        raise BenchbenchError(
            f"There is no {path}; give a csv file, a folder of results, or '{SHIPPED}' for the "
            "figures that come with benchbench."
        )
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise BenchbenchError(f"{path} cannot be read as a csv file in UTF-8: {reason}.") from error
    rows = rows.rename(columns=str.strip).fillna("")
    return rows.map(str.strip)


def _filter(rows: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The rows in which a column has a value, by its exact spelling or else in any case."""
    column, equals, value = (part.strip() for part in condition.partition("="))
    if not equals:
        raise BenchbenchError(f"--where {condition} is not of the form COLUMN=VALUE.")
    if column not in rows:
        raise unknown_name("column", column, rows.columns)
    spelled = _spelled(rows, column, value)
    return rows[rows[column].isin([spelled])]


def _choose(rows: pd.DataFrame, column: str, names: str) -> pd.DataFrame:
    """The rows of these names in the names' order; all where there are no names."""
    chosen = [_spelled(rows, column, name) for name in specs.split_list(names)]
    if not chosen:
        return rows
    kept = rows[rows[column].isin(chosen)]
    return kept.sort_values(column, key=lambda values: values.map(chosen.index), kind="stable")


def _spelled(rows: pd.DataFrame, column: str, value: str) -> str:
    """The value as the column spells it."""
    known: list[str] = list(dict.fromkeys(rows[column]))
    if value in known:
        return value
    alike = [one for one in known if one.lower() == value.lower()]
    if not alike:
        raise unknown_name(f"{column} in the rows that are left", value, known)
    return alike[0]


def _check_kept(rows: pd.DataFrame, methods: Sequence[str]) -> None:
    """Raises BenchbenchError where a method that was asked for has none of the sources."""
    lost = [method for method in methods if method not in set(rows["method"])]
    if lost:
        raise BenchbenchError(
            f"'{lost[0]}' has no figure on any of the test sources chosen; name others by "
            "--sources, or leave it out of --methods."
        )


def _check_single(rows: pd.DataFrame) -> None:
    """One figure for each method and source. Raises BenchbenchError with what to choose by."""
    twice = rows[rows.duplicated(["method", "test_source"], keep=False)]
    if twice.empty:
        return
    method, source = twice["method"].iat[0], twice["test_source"].iat[0]
    same = twice[(twice["method"] == method) & (twice["test_source"] == source)]
    differing = {
        str(column): list(dict.fromkeys(same[column]))
        for column in same
        if column not in (*FIGURES, *REMARKS) and same[column].nunique() > 1
    }
    if not differing:
        raise BenchbenchError(
            f"'{method}' has {len(same)} figures on '{source}' that nothing tells apart; remove "
            "all but one of these rows."
        )
    column, values = next(iter(differing.items()))
    raise BenchbenchError(
        f"'{method}' has {len(same)} figures on '{source}', which differ in "
        f'{", ".join(differing)}; choose by --where, as in --where "{column}={values[0]}".'
    )


def _common(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows on the sources that every method has, and the other sources."""
    counts = rows.groupby("test_source", sort=False)["method"].nunique()
    complete = counts == rows["method"].nunique()
    if not complete.any():
        raise BenchbenchError(
            "All methods have no test source in common; choose some by --methods."
        )
    left_out = [str(source) for source in counts.index[~complete]]
    return rows[~rows["test_source"].isin(left_out)], left_out


def _figures(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The frame that `ranking.rank_table` takes, with numbers as they are printed."""
    columns = {"method": rows["method"], "test_source": rows["test_source"]}
    columns["accuracy"] = _numbers(rows, "accuracy_percent")
    if "ci95_percent" in rows:
        columns["half_width"] = _numbers(rows, "ci95_percent")
    elif rule == "meta-dataset":
        raise BenchbenchError(
            "The table has no column ci95_percent, which the rule meta-dataset needs; add it, or "
            "rank by --rule plain."
        )
    return pd.DataFrame(columns)


def _numbers(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    """A column as Decimals; None where it is empty, which an accuracy may not be."""
    numbers: list[Decimal | None] = []
    for method, source, text in zip(rows["method"], rows["test_source"], rows[column], strict=True):
        of = f"{column} of '{method}' on '{source}'"
        if text == "" and column == "ci95_percent":
            numbers.append(None)
            continue
        number = _decimal(text)
        if number is None:
            raise BenchbenchError(f"{of} is '{text}', which is no number; write it like 41.03.")
        if number < 0:
            raise BenchbenchError(f"{of} is {text}; write a number that is not negative.")
        numbers.append(number)
    return pd.Series(numbers, index=rows.index, dtype=object)


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _csv(table: RankedTable) -> str:
    """A row for each method and source: the columns that were read, and the ranks."""
    rows = [
        {
            "method": method,
            "test_source": source,
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


def _json(table: RankedTable) -> str:
    """The methods, the best first, with what they have on each source; and the close decisions."""
    closest = table.closest
    content = {
        "rule": table.rule,
        "test_sources": table.sources,
        "methods": [
            {
                "method": method,
                "average_rank": average,
                "on": {source: _object(table.cell(method, source)) for source in table.sources},
            }
            for method, average in zip(table.methods, table.average, strict=True)
        ],
        "closest_decision": dataclasses.asdict(closest) if closest else None,
        "within_rounding": [dataclasses.asdict(one) for one in table.within_rounding],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _object(cell: Cell) -> dict[str, float | None]:
    return {
        "accuracy_percent": float(cell.accuracy),
        "ci95_percent": None if cell.half_width is None else float(cell.half_width),
        "rank": cell.rank,
    }


def _markdown(table: RankedTable, left_out: Sequence[str]) -> str:
    averages = [_short(average) for average in table.average]
    columns = {source: _column(table, source) for source in table.sources}
    frame = pd.DataFrame({"method": table.methods, "average rank": averages, **columns})
    notes = "".join(f"* {note}\n" for note in _notes(table, left_out))
    return f"{markdown_table(frame)}\n\n{notes}"


def _column(table: RankedTable, source: str) -> list[str]:
    """`accuracy ± half-width (rank)` of each method, the best rank in bold."""
    cells = [table.cell(method, source) for method in table.methods]
    best = min(cell.rank for cell in cells)
    return [f"**{_text(cell)}**" if cell.rank == best else _text(cell) for cell in cells]


def _text(cell: Cell) -> str:
    interval = "" if cell.half_width is None else f" ± {_figure(cell.half_width)}"
    return f"{_figure(cell.accuracy)}{interval} ({_short(cell.rank)})"


def _figure(number: Decimal | float) -> str:
    """A printed figure as it was; a measured one with two decimals."""
    return f"{number:.2f}" if isinstance(number, float) else str(number)


def _notes(table: RankedTable, left_out: Sequence[str]) -> list[str]:
    notes = [
        f"Rule `{table.rule}`: {RULES[table.rule]}.",
        f"{len(table.methods)} methods: {', '.join(table.methods)}.",
        f"{len(table.sources)} test source{'s' * (len(table.sources) > 1)}, cells: accuracy in % ± "
        "95 % interval (rank); bold: the best rank of a column.",
    ]
    if left_out:
        notes.append(f"Left out, as not every method has them: {', '.join(left_out)}.")
    if table.closest is not None:
        notes.append(f"Closest decision: {_told(table.closest, table.rule)}.")
    fragile = table.within_rounding
    if fragile:
        listed = "; ".join(_told(one, table.rule) for one in fragile[:FRAGILE_LISTED])
        more = f"; and {len(fragile) - FRAGILE_LISTED} more" * (len(fragile) > FRAGILE_LISTED)
        notes.append(
            f"Warning: the figures are rounded, and without that {len(fragile)} of "
            f"{len(table.decisions)} decisions may fall out otherwise: {listed}{more}."
        )
    return [*notes, CAUTION]


def _told(decision: Decision, rule: str) -> str:
    verdict = "differ" if decision.different else "tie"
    pair = f"{decision.leader} and {decision.other}"
    unit = "in p" if rule == "paired" else "points"
    return f"{pair} {verdict} on {decision.source} with a margin of {decision.margin:.4f} {unit}"


def _short(rank: float) -> str:
    return f"{rank:.2f}".rstrip("0").rstrip(".")
