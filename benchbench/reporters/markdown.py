"""Leaderboards in markdown."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from benchbench.reporters.sections import WORDS, Bold, Section, sections


def markdown(frame: pd.DataFrame) -> str:
    """A heading, a table and its notes for each data set and protocol."""
    if frame.empty:
        return "No finished runs.\n"
    return "\n".join(map(_section, sections(frame)))


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
    text = frame.astype(object).where(frame.notna(), "").map(_cell)
    return text.to_markdown(
        index=False,
        disable_numparse=True,
        colalign=["left" if column in WORDS else "right" for column in frame],
    )


def _cell(value: object) -> str:
    text = str(value).replace("|", r"\|")
    return f"**{text}**" if isinstance(value, Bold) else text
