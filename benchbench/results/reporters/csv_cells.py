"""Tables as csv, which people open in spreadsheets."""

from __future__ import annotations

import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchbench.results.safe_cells import safe_cell


def csv_text(frame: pd.DataFrame) -> str:
    """The frame without its index; a text that would be a formula begins with an apostrophe."""
    shown = frame.apply(
        lambda column: column if is_numeric_dtype(column) else column.map(safe_cell)
    )
    text: str = shown.rename(columns=safe_cell).to_csv(index=False, lineterminator="\n")
    return text
