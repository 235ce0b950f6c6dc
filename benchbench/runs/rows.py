"""The rows of `episodes.csv`: their bytes as they were stored, and their numbers, checked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("episode", "n_way", "n_query", "correct", "accuracy", "classes")

WHOLE = r"\d{1,15}"
TOLERANCE = 1e-12
"""Of an accuracy against correct / n_query; both are written at full precision."""


def rows_sha256(rows: bytes) -> str:
    """The hash that a manifest keeps of the rows of `episodes.csv`."""
    return hashlib.sha256(rows).hexdigest()


@dataclass(frozen=True)
class Rows:
    """Columns of `episodes.csv`.

    correct, n_query: int64 [n]; class_ids: "3 1 4" of each episode; metrics: float64 [n] by name.
    """

    correct: NDArray[np.int64]
    n_query: NDArray[np.int64]
    class_ids: tuple[str, ...]
    metrics: dict[str, NDArray[np.float64]]

    @classmethod
    def parsed(cls, text: str, metrics: Sequence[str]) -> Rows:
        """Of a header and rows. Raises ValueError that says what they hold or lack."""
        columns = _columns(text, metrics)
        number, n_way, n_query, correct = (
            _whole(columns, name) for name in ("episode", "n_way", "n_query", "correct")
        )
        accuracy, *further = (_finite(columns, name) for name in ("accuracy", *metrics))
        if not np.array_equal(number, np.arange(len(number))):
            raise ValueError(f"does not hold the episodes 0 to {len(number) - 1}, each once")
        if not (n_query >= 1).all() or not (correct <= n_query).all():
            raise ValueError("has an episode of no queries, or of more correct ones than queries")
        if not np.allclose(accuracy, correct / n_query, rtol=0, atol=TOLERANCE):
            raise ValueError("has an accuracy that is not correct / n_query")
        classes = columns["classes"]
        _check_column("classes", classes, f"{WHOLE}(?: {WHOLE})*")
        if [ids.count(" ") + 1 for ids in classes] != n_way.tolist():
            raise ValueError("has an episode whose classes are not n_way")
        return cls(correct, n_query, classes, dict(zip(metrics, further, strict=True)))


def _columns(text: str, metrics: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The cells of each column; no cell holds a comma or a quote."""
    header, *rows = (line.split(",") for line in text.splitlines())
    if missing := [name for name in (*COLUMNS, *metrics) if header.count(name) != 1]:
        raise ValueError(f"has no column '{missing[0]}', or two")
    if any(len(row) != len(header) for row in rows):
        raise ValueError("has a row with more or fewer cells than the first line")
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def _check_column(name: str, cells: tuple[str, ...], pattern: str) -> None:
    # One match for all cells is many times faster than one for each.
    if re.fullmatch(f"{pattern}(?:\n{pattern})*", "\n".join(cells), re.ASCII):
        return
    wrong = next((cell for cell in cells if not re.fullmatch(pattern, cell, re.ASCII)), "")
    raise ValueError(f"has {wrong[:40]!a} in the column '{name}'")


def _whole(columns: dict[str, tuple[str, ...]], name: str) -> NDArray[np.int64]:
    _check_column(name, columns[name], WHOLE)
    return np.fromiter(map(int, columns[name]), np.int64)


def _finite(columns: dict[str, tuple[str, ...]], name: str) -> NDArray[np.float64]:
    try:
        numbers = np.fromiter(map(float, columns[name]), np.float64)
    except ValueError as error:
        raise ValueError(f"has a text in the column '{name}' ({error})") from error
    if not np.isfinite(numbers).all():
        raise ValueError(f"has a number that is not finite in the column '{name}'")
    return numbers
