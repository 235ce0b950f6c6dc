"""Tables as csv, which people open in spreadsheets."""

from __future__ import annotations

import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchbench.system.texts import legible

FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet computes begins with one of these."""


def csv_text(frame: pd.DataFrame) -> str:
    """The frame without its index; a text that would be a formula begins with an apostrophe."""
    shown = frame.apply(lambda column: column if is_numeric_dtype(column) else column.map(_cell))
    text: str = shown.rename(columns=_cell).to_csv(index=False, lineterminator="\n")
    return text


def _cell(value: object) -> object:
    """A text as `legible` writes it; a number, or nothing, as it is."""
    if not isinstance(value, str):
        return value
    text = legible(value)
    return f"'{text}" if text.lstrip().startswith(FORMULAS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
