"""Tables of the report: cells as text, with the values of the csv leaderboard behind them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchbench.results.leaderboard import further_metrics, p_value, percent
from benchbench.results.reporters.sections import DASH, WORDS

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
class Cell:
    """value: at full precision, as the csv has it; None where the column holds words."""

    text: str
    value: str | None = None


@dataclass(frozen=True)
class Row:
    """anchor: the id of the element with the row's manifest, if any."""

    cells: list[Cell]
    best: bool = False
    setting: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """caption: what the table is, for those who cannot see where it stands."""

    caption: str
    columns: list[str]
    rows: list[Row]

    def is_words(self, column: str) -> bool:
        """Whether a column holds words, which stand to the left."""
        return column in WORDS or column in MORE_WORDS

    @property
    def settings(self) -> list[str]:
        """What the rows can be filtered by."""
        return sorted({row.setting for row in self.rows} - {""})


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
    columns = [str(name) for name in printed.columns]
    found = []
    for texts, exact, anchor in zip(printed.to_numpy(), values, anchors, strict=True):
        cells = [
            Cell(str(text), exact[behind[column]] if column in behind else None)
            for column, text in zip(columns, texts, strict=True)
        ]
        found.append(Row(cells, exact["best"] == "True", exact["setting"], anchor))
    return Table(caption, columns, found)


def compared(caption: str, frame: pd.DataFrame) -> Table:
    """The frame of `comparison_frame`, differences in points."""
    columns: dict[str, tuple[str, list[str]]] = {
        "difference": ("difference", [f"{100 * value:+.2f}" for value in frame["difference"]]),
        "± episodes": ("ci_episodes", _printed(frame["ci_episodes"])),
        "± classes": ("ci_classes", _printed(frame["ci_classes"])),
        "± seeds": ("ci_seeds", _printed(frame["ci_seeds"])),
        "p (t)": ("p_t", [p_value(p) for p in frame["p_t"]]),
        "p (sign flip)": ("p_sign_flip", [p_value(p) for p in frame["p_sign_flip"]]),
        "p (Holm)": ("p_holm", [p_value(p) for p in frame["p_holm"]]),
        "d": ("effect_size", [_decimals(value) for value in frame["effect_size"]]),
        "r": ("correlation", [_decimals(value) for value in frame["correlation"]]),
        "n": ("episodes", [str(value) for value in frame["episodes"]]),
    }
    if frame["ci_seeds"].isna().all():
        del columns["± seeds"]
    rows = []
    for index, exact in enumerate(csv_values(frame)):
        numbers = [Cell(texts[index], exact[name]) for name, texts in columns.values()]
        rows.append(Row([Cell(exact["a"]), Cell(exact["b"]), *numbers]))
    return Table(caption, ["a", "b", *columns], rows)


def ranked(caption: str, accuracies: pd.DataFrame, average_ranks: pd.Series[float]) -> Table:
    """Accuracies over data sets, a row a method and the average rank after them."""
    sources = [str(name) for name in accuracies.index]
    rows = []
    for method in average_ranks.sort_values(kind="stable").index:
        shares = [float(value) for value in accuracies[method]]
        cells = [Cell(percent(share), repr(share)) for share in shares]
        rank = float(average_ranks[method])
        rows.append(Row([Cell(str(method)), *cells, Cell(f"{rank:.2f}", repr(rank))]))
    return Table(caption, ["method", *sources, "average rank"], rows)


def plain(caption: str, frame: pd.DataFrame) -> Table:
    """A frame of text as it is, sorted as words where a column holds them."""
    table = Table(caption, [str(name) for name in frame.columns], [])
    for texts in frame.astype(object).where(frame.notna(), DASH).to_numpy():
        cells = [
            Cell(str(text), None if table.is_words(column) else _number(str(text)))
            for column, text in zip(table.columns, texts, strict=True)
        ]
        table.rows.append(Row(cells))
    return table


def _number(text: str) -> str:
    return "" if text == DASH else text


def _printed(values: Iterable[float | None]) -> list[str]:
    return [percent(value) for value in values]


def _decimals(value: float | None) -> str:
    return DASH if value is None or pd.isna(value) else f"{value:.2f}"
