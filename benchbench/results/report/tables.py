"""Tables of the report: cells as text, with the values of the csv leaderboard behind them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from benchbench.results.leaderboard import further_metrics
from benchbench.results.numbers import DASH
from benchbench.results.printed import WORDS
from benchbench.results.ranking import RankedTable
from benchbench.results.reporters.comparisons import COLUMNS, compared_cells
from benchbench.results.reporters.ranks import ranked_cells

VALUES = {
    "rank": "rank",
    "accuracy %": "accuracy",
    "± episodes": "ci_episodes",
    "± open": "ci_episodes",
    "± classes": "ci_classes",
    "± seeds": "ci_seeds",
    "n": "episodes",
    "seeds": "seeds",
    "published %": "published_percent",
    "training s": "training_seconds",
    "ms / episode": "seconds_per_episode",
    "parameters": "parameters",
    "peak MB": "peak_memory_bytes",
}
"""The csv's column behind each printed one of numbers; a further metric is called alike."""

MORE_WORDS = frozenset({"budget", "of each seed", "a", "b", "data set"})


@dataclass(frozen=True)
class TableCell:
    """value: at full precision, as the csv has it; None if the column holds words."""

    text: str
    value: str | None = None


@dataclass(frozen=True)
class TableRow:
    """anchor: the id of the element with the row's manifest, if any."""

    cells: list[TableCell]
    best: bool = False
    setting: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """caption: what the table is, for those who cannot see where it stands."""

    caption: str
    columns: list[str]
    rows: list[TableRow]


def is_words(column: str) -> bool:
    """Whether a column holds words, which stand to the left."""
    return column in WORDS or column in MORE_WORDS


def csv_values(frame: pd.DataFrame) -> list[dict[str, str]]:
    """The frame's cells as its csv writes them."""
    return list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))


def measured(
    caption: str,
    printed: pd.DataFrame,
    rows: pd.DataFrame,
    values: Sequence[Mapping[str, str]],
    anchors: Sequence[str],
) -> Table:
    """A protocol's leaderboard: cells as other formats print them, csv values behind them."""
    behind = VALUES | {name: name for name in further_metrics(rows)}
    table = _table(caption, printed, values, behind)
    table.rows[:] = [
        replace(row, best=exact["best"] == "True", setting=exact["setting"], anchor=anchor)
        for row, exact, anchor in zip(table.rows, values, anchors, strict=True)
    ]
    return table


def compared(caption: str, frame: pd.DataFrame) -> Table:
    """The frame of `comparison_frame`, differences in points."""
    behind = {name: column for name, (column, _) in COLUMNS.items() if name not in MORE_WORDS}
    return _table(caption, compared_cells(frame), csv_values(frame), behind)


def ranked(caption: str, table: RankedTable) -> Table:
    """Accuracies and ranks over data sets, sorted by the accuracies."""
    shares = table.cells["accuracy"] / 100
    exact = pd.DataFrame({source: shares.xs(source, level=1) for source in table.sources})
    exact["average rank"] = table.average
    behind = {str(name): str(name) for name in exact}
    return _table(caption, ranked_cells(table), csv_values(exact), behind)


def _table(
    caption: str,
    printed: pd.DataFrame,
    values: Sequence[Mapping[str, str]],
    behind: Mapping[str, str],
) -> Table:
    """A printed frame with the exact values behind it. behind: their names by printed column."""
    columns = [str(name) for name in printed.columns]
    rows = [
        TableRow(
            [
                TableCell(str(text), exact[behind[column]] if column in behind else None)
                for column, text in zip(columns, texts, strict=True)
            ]
        )
        for texts, exact in zip(printed.to_numpy(), values, strict=True)
    ]
    return Table(caption, columns, rows)


def plain(caption: str, frame: pd.DataFrame) -> Table:
    """A frame of text as it is, sorted as words where a column holds them."""
    printed = frame.astype(object).where(frame.notna(), DASH)
    numbers = {str(c): str(c) for c in printed if not is_words(str(c))}
    return _table(caption, printed, csv_values(printed.replace(DASH, "")), numbers)
