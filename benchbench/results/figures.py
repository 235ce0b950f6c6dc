"""Tables of figures, published or one's own, read and narrowed down to what can be ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pandas as pd

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import specs
from benchbench.results.across import source_names
from benchbench.results.entries import Entry, tables_of
from benchbench.results.labels import labelled_alike
from benchbench.results.published import published_figures
from benchbench.results.spreadsheets import ACCURACY, INTERVAL, read_spreadsheet
from benchbench.results.standing import standing, stated
from benchbench.results.stored import no_runs, results_below
from benchbench.system.progress import say

SHIPPED = "published"
FIGURES = (ACCURACY, INTERVAL)
HIGHEST = Decimal(100)
"""Of accuracies and half-widths in per cent."""

DECIMALS = 400
"""More than any float has; beyond, exact arithmetic would take all time and memory."""

REMARKS = ("source", "note", "sure")
"""Columns that tell two rows apart without being what a person would choose by."""


def read_figures(table: str) -> pd.DataFrame:
    """The rows of a csv file, or of the word `published`; an empty test source is the data set."""
    if table != SHIPPED and not Path(table).exists():
        raise BenchbenchError(
            f"There is no {table}; give a csv file, a folder of results, or '{SHIPPED}' for the "
            "figures that come with benchbench."
        )
    rows = published_figures() if table == SHIPPED else read_spreadsheet(Path(table))
    if rows.empty:
        raise BenchbenchError(f"{table} has no rows below its first line; add a figure a row.")
    if "dataset" in rows:
        sources = rows["test_source"]
        rows["test_source"] = sources.where(sources != "", rows["dataset"])
    return rows


def stored_entries(folder: Path) -> dict[tuple[str, str], Entry]:
    """The entries of the runs below a folder, by method and test source."""
    tables = labelled_alike(tables_of(results_below([folder])))
    if not tables:
        raise no_runs([folder])
    sources = source_names([entries[0] for entries in tables])
    return {
        (entry.label, source): entry
        for source, entries in zip(sources, tables, strict=True)
        for entry in entries
    }


def stored_rows(entries: Mapping[tuple[str, str], Entry]) -> pd.DataFrame:
    """A row for each entry, with what rows are chosen by."""
    return pd.DataFrame(
        {
            "method": method,
            "test_source": source,
            "protocol": str(entry.first.identity["protocol"]),
            "budget": str(entry.first.identity["budget"]),
            "setting": standing(entry).group,
        }
        for (method, source), entry in entries.items()
    )


def choose(rows: pd.DataFrame, where: Sequence[str], methods: str, sources: str) -> pd.DataFrame:
    """The rows of these methods and test sources in their order; an empty name chooses all.

    where: texts COLUMN=VALUE; methods, sources: names with commas between, in any case. Raises
    BenchbenchError if a name fits nothing, or if a method is alone, or has no or two figures.
    """
    for condition in where:
        column, equals, value = (part.strip() for part in condition.partition("="))
        if not equals:
            raise BenchbenchError(f"--where {condition} is not of the form COLUMN=VALUE.")
        if column not in rows:
            raise unknown_name("column", column, rows.columns)
        rows = _only(rows, column, [value])
    rows = _only(rows, "method", specs.split_list(methods))
    named = list(dict.fromkeys(rows["method"])) if methods else []
    rows = _only(rows, "test_source", specs.split_list(sources))
    if lost := [method for method in named if method not in set(rows["method"])]:
        raise BenchbenchError(
            f"'{lost[0]}' has no figure on any of the test sources chosen; name others by "
            "--sources, or leave it out of --methods."
        )
    _check_single(rows)
    if rows["method"].nunique() < 2:
        raise BenchbenchError(
            f"Ranks need two methods or more, and '{rows['method'].iat[0]}' is alone; add others."
        )
    return rows


def _only(rows: pd.DataFrame, column: str, values: Sequence[str]) -> pd.DataFrame:
    """The rows with one of these values, in the order of the values; all if there are none."""
    if not values:
        return rows
    known = list(dict.fromkeys(rows[column]))
    chosen = [_spelled(value, column, known) for value in values]
    kept = rows[rows[column].isin(chosen)]
    return kept.sort_values(column, key=lambda found: found.map(chosen.index), kind="stable")


def _spelled(value: str, column: str, known: Sequence[str]) -> str:
    if value in known:
        return value
    for one in known:
        if one.lower() == value.lower():
            return one
    raise unknown_name(f"{column} in the rows that are left", value, known)


def _check_single(rows: pd.DataFrame) -> None:
    """One figure for each method and source. Raises BenchbenchError with what to choose by."""
    twice = rows[rows.duplicated(["method", "test_source"], keep=False)]
    if twice.empty:
        return
    method, source = twice["method"].iat[0], twice["test_source"].iat[0]
    same = twice[(twice["method"] == method) & (twice["test_source"] == source)]
    differing = [str(c) for c in same if c not in (*FIGURES, *REMARKS) and same[c].nunique() > 1]
    what = " that nothing tells apart; remove all but one of these rows."
    if differing:
        example = f'"{differing[0]}={same[differing[0]].iat[0]}"'
        what = (
            f", which differ in {', '.join(differing)}; choose by --where, as in --where {example}."
        )
    raise BenchbenchError(f"'{method}' has {len(same)} figures on '{source}'{what}")


def only_common(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows on the sources that every method has, and the other sources."""
    counts = rows.groupby("test_source", sort=False)["method"].nunique()
    complete = counts == rows["method"].nunique()
    if not complete.any():
        raise BenchbenchError(
            "All methods have no test source in common; choose some by --methods."
        )
    left_out = [str(source) for source in counts.index[~complete]]
    return rows[~rows["test_source"].isin(left_out)], left_out


def figures_frame(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The frame for `rank_table`, its numbers as printed; a column `setting` says who is apart."""
    frame = rows[["method", "test_source"]].assign(accuracy=_numbers(rows, "accuracy_percent"))
    if "ci95_percent" in rows:
        frame["half_width"] = _numbers(rows, "ci95_percent")
    elif rule == "meta-dataset":
        raise BenchbenchError(
            "The table has no column ci95_percent, which the rule meta-dataset needs; add it, or "
            "rank by --rule plain."
        )
    if "setting" in rows:
        frame["standing"] = rows["setting"].map(stated)
    return frame


def say_if_fractions(frame: pd.DataFrame) -> None:
    """Say it in a line if the accuracies may be fractions, which no figure of one can show."""
    if frame["accuracy"].max() <= 1:
        say(
            f"All {len(frame)} accuracies are at most 1 and are taken for per cent, which is what "
            "is expected; multiply fractions and their intervals by 100."
        )


def _numbers(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    """A column as Decimals; None if it is empty, which an accuracy may not be."""
    numbers = rows[column].astype(object).map(_decimal)
    optional = column == "ci95_percent"
    for _, row in rows[numbers.isna()].iterrows():
        if not (optional and row[column] == ""):
            raise BenchbenchError(
                f"{column} of '{row['method']}' on '{row['test_source']}' is "
                f"'{row[column][: specs.SHOWN]}', which is no plain number from 0 to "
                f"{HIGHEST}; write it like 41.03."
            )
    return numbers


def _decimal(text: str) -> Decimal | None:
    if "_" in text:  # which Python takes for a separator of digits
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # A NaN is not comparable, and of 0e999 only the exponent is out of range.
    plausible = number.is_finite() and 0 <= number <= HIGHEST
    return number if plausible and -DECIMALS <= int(number.as_tuple().exponent) <= 2 else None
