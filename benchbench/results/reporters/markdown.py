"""Leaderboards in markdown."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from benchbench.results.printed import markdown_cell, printed
from benchbench.results.reporters.sections import Section, sections


def markdown(frame: pd.DataFrame) -> str:
    """A heading, a table and its notes for each data set and protocol."""
    return "\n".join(map(_section, sections(frame))) or "No finished runs.\n"


def _section(section: Section) -> str:
    parts = [f"## {section.title}", markdown_table(section.table), bullets(section.notes)]
    if section.published is not None:
        parts += ["### Published, for context", markdown_table(section.published)]
    return "\n\n".join(parts) + "\n"


def bullets(notes: Iterable[str]) -> str:
    """Notes as a markdown list."""
    return "\n".join(f"* {note}" for note in notes)


def markdown_table(frame: pd.DataFrame) -> str:
    """A frame as a markdown table: words to the left, numbers to the right."""
    text = frame.fillna("")
    return printed(text, text.to_numpy(), "pipe", markdown_cell)
