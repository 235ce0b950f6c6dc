"""Texts as cells of csv, which people open in spreadsheets."""

from __future__ import annotations

from benchbench.system.texts import is_number, legible

FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet computes begins with one of these."""


def safe_cell(value: object) -> object:
    """A text as `legible` writes it, behind an apostrophe if it would be a formula.

    A number, or nothing, is left as it is.
    """
    if not isinstance(value, str):
        return value
    text = legible(value)
    return f"'{text}" if text.lstrip().startswith(FORMULAS) and not is_number(text) else text
