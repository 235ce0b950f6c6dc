"""Tables as text, aligned alike in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tabulate import tabulate

WORDS = frozenset(
    {"a", "b", "method", "backbone", "pre-trained on", "setting", "trained on", "source", "note"}
)
"""Columns of words, which stand to the left; numbers stand to the right."""


class Bold(str):
    """A cell that a format prints in bold."""


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


def markdown_cell(text: str) -> str:
    """A cell of a markdown table."""
    escaped = text.replace("|", r"\|")
    return f"**{escaped}**" if isinstance(text, Bold) else escaped
