"""Tables as text, aligned alike in every format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tabulate import tabulate

from benchbench.system.texts import legible

WORDS = frozenset(
    {
        *("a", "b", "method", "backbone", "pre-trained on", "setting", "trained on", "source"),
        *("note", "class", "taken for", "attribute", "labels", "missed", "invented"),
    }
)
"""Columns of words, which stand to the left; numbers stand to the right."""


MARKDOWN = re.compile(
    r"""
      (?P<inside> (?<=[^\W_]) _+ (?=[^\W_]) )   # within a word it marks nothing
    | (?P<mark> [|*_`~$] | \\ (?=[!-/:-@\[-`{-~]|$) | (?<=\]) \( )
    | (?P<entity> < (?=[A-Za-z/!?]) | & (?= \#?\w+; ) )
    """,
    re.VERBOSE,
)
"""What means something in a line of markdown."""


class Bold(str):
    """A cell that a format prints in bold."""


class Marked(str):
    """A sentence of our own words only, in which backquotes mark code."""


def printed(
    columns: Iterable[object], rows: Iterable[Iterable[str]], style: str, cell: Callable[[str], str]
) -> str:
    """A table in one of tabulate's styles; `cell` writes a text, `Bold` or not, in the format."""
    names = [str(column) for column in columns]
    return tabulate(
        [[cell(text) for text in row] for row in rows],
        headers=[cell(name) for name in names],
        tablefmt=style,
        disable_numparse=True,
        colalign=["left" if name in WORDS else "right" for name in names],
    )


def markdown_text(text: str) -> str:
    """A text in a line of markdown, which shows it as it is."""
    return MARKDOWN.sub(_escaped, legible(text))


def _escaped(found: re.Match[str]) -> str:
    if found["entity"]:
        return {"<": "&lt;", "&": "&amp;"}[found["entity"]]
    return found["inside"] or f"\\{found['mark']}"


def markdown_cell(text: str) -> str:
    """A cell of a markdown table."""
    escaped = markdown_text(text)
    return f"**{escaped}**" if isinstance(text, Bold) else escaped
