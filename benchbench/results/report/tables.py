"""Tables of the report: cells as text, with the values of the csv leaderboard behind them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchbench.results.leaderboard import further_metrics
from benchbench.results.numbers import DASH
from benchbench.results.printed import WORDS
from benchbench.results.ranking import RankedTable
from benchbench.results.reporters.comparisons import COLUMNS, compared_cells
from benchbench.results.reporters.ranks import AVERAGE, ranked_cells, source_column

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
    best: bool
    setting: str
    anchor: str


@dataclass(frozen=True)
class Table:
    """caption: what the table is, for those who cannot see where it stands."""

    caption: str
    columns: list[str]
    rows: list[TableRow]


def is_words(column: str) -> bool:
    """Whether a column holds words, which stand to the left."""
    return column in WORDS or column in MORE_WORDS


def measured(
    caption: str, printed: pd.DataFrame, rows: pd.DataFrame, anchors: Sequence[str]
) -> Table:
    """A protocol's leaderboard: cells as other formats print them, the values of `rows` behind."""
    behind = VALUES | {name: name for name in further_metrics(rows)}
    return _table(caption, printed, rows, behind, anchors)


def compared(caption: str, frame: pd.DataFrame) -> Table:
    """The frame of `comparison_frame`, differences in points."""
    behind = {name: column for name, (column, _) in COLUMNS.items() if name not in MORE_WORDS}
    return _table(caption, compared_cells(frame), frame, behind)


def ranked(caption: str, table: RankedTable) -> Table:
    """Accuracies and ranks over data sets, sorted by the accuracies."""
    shares = table.cells["accuracy"] / 100
    exact = pd.DataFrame(
        {source_column(source): shares.xs(source, level=1) for source in table.sources}
    )
    exact[AVERAGE] = table.average
    behind = {str(name): str(name) for name in exact}
    return _table(caption, ranked_cells(table), exact, behind)


def _table(
    caption: str,
    printed: pd.DataFrame,
    exact: pd.DataFrame,
    behind: Mapping[str, str],
    anchors: Sequence[str] = (),
) -> Table:
    """A printed frame and the exact one behind it; behind: column of `exact` by printed column."""
    columns = [str(name) for name in printed]
    values = list(csv.DictReader(io.StringIO(exact.to_csv(index=False))))
    rows = [
        TableRow(
            [
                TableCell(str(text), value[behind[column]] if column in behind else None)
                for column, text in zip(columns, texts, strict=True)
            ],
            best=value.get("best") == "True",
            setting=value.get("setting", ""),
            anchor=anchor,
        )
        for texts, value, anchor in zip(
            printed.to_numpy(), values, anchors or [""] * len(values), strict=True
        )
    ]
    return Table(caption, columns, rows)


def plain(caption: str, frame: pd.DataFrame) -> Table:
    """A frame of text as it is; columns of words are sorted as words."""
    printed = frame.astype(object).where(frame.notna(), DASH)
    numbers = {str(c): str(c) for c in printed if not is_words(str(c))}
    return _table(caption, printed, printed.replace(DASH, ""), numbers)
