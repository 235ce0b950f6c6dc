"""Leaderboards for machines: full precision, nothing rounded."""

from __future__ import annotations

from json import dumps

import pandas as pd


def csv(frame: pd.DataFrame) -> str:
    """All columns at full precision, accuracies in [0, 1]; what is missing is empty."""
    return frame.to_csv(index=False)


def json(frame: pd.DataFrame) -> str:
    """As csv, a list of objects; what is missing is null."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return dumps(rows, indent=1) + "\n"
