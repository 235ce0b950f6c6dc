"""Leaderboards as text. A reporter is a function of the frame of `leaderboard.collect`."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps

import pandas as pd

from benchbench.registry.hookspecs import hookimpl
from benchbench.results.reporters.csv_cells import csv_text
from benchbench.results.reporters.html import html
from benchbench.results.reporters.latex import latex
from benchbench.results.reporters.markdown import markdown, markdown_table

__all__ = ["SUFFIXES", "csv", "html", "json", "latex", "markdown", "markdown_table"]

SUFFIXES = {"markdown": "md", "latex": "tex"}
"""How the files of a format end, if that is not the format's name."""


def csv(frame: pd.DataFrame) -> str:
    """All columns at full precision, accuracies in [0, 1]; what is missing is empty.

    Texts are written as `csv_text` says.
    """
    return csv_text(frame)


def json(frame: pd.DataFrame) -> str:
    """As csv, a list of objects; what is missing is null."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return dumps(rows, indent=1) + "\n"


@hookimpl
def register_reporters(register: Callable[..., None]) -> None:
    for reporter in (markdown, csv, json, latex, html):
        register(reporter.__name__, reporter)
