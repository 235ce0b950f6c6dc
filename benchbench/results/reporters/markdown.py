"""Leaderboards in markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from benchbench.results.printed import Marked, markdown_cell, markdown_text, printed
from benchbench.results.reporters.sections import Section, sections

BLOCK = re.compile(
    r"""
    ^ (?: (?P<number> \d{1,9}) (?= [.)] (?:\s|$) )        # of a numbered list
        | (?= [-+] (?:[\s+-]|$) | > | \#{1,6} (?:\s|$) )  # a list, a quotation, a heading
        | (?= \[ (?: [ xX]\] | [^\]]*\]: ) ) )            # a box to tick, an address
    """,
    re.VERBOSE,
)
"""The beginning of a line that markdown would not take for a line of text."""


def markdown(frame: pd.DataFrame) -> str:
    """A heading, a table and its notes for each data set and protocol."""
    return "\n".join(map(_section, sections(frame))) or "No finished runs.\n"


def _section(section: Section) -> str:
    parts = [heading(section.title), markdown_table(section.table), bullets(section.notes)]
    if section.published is not None:
        parts += ["### Published, for context", markdown_table(section.published)]
    return "\n\n".join(parts) + "\n"


def heading(text: str, level: int = 2) -> str:
    """A heading in markdown."""
    return f"{'#' * level} " + re.sub(r"(?<!\S)(?=#+$)", r"\\", markdown_text(text).strip())


def bullets(notes: Iterable[str]) -> str:
    """Notes as a markdown list."""
    return "\n".join(f"* {_item(note)}" for note in notes)


def _item(note: str) -> str:
    if isinstance(note, Marked):
        return note
    return BLOCK.sub(r"\g<number>\\", markdown_text(note).strip(), count=1)


def markdown_table(frame: pd.DataFrame) -> str:
    """A frame as a markdown table: words to the left, numbers to the right."""
    text = frame.fillna("")
    return printed(text, text.to_numpy(), "pipe", markdown_cell)
