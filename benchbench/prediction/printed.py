"""Answers for pictures as a table, csv or JSON; without pandas, which takes long to import."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from benchbench.prediction.learner import probabilities
from benchbench.results.safe_cells import safe_cell
from benchbench.system.arrays import FloatArray
from benchbench.system.texts import legible

COLUMNS = ("image", "rank", "class", "probability", "score")


def answer_rows(
    names: Sequence[str], class_names: Sequence[str], scores: FloatArray, top: int
) -> list[dict[str, Any]]:
    """The best classes of each picture, a row each, best first; of equal scores the first slot.

    The keys are `COLUMNS`; `probability` is the softmax of the method's scores.
    """
    shares = probabilities(scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        dict(
            zip(
                COLUMNS,
                (name, rank, class_names[slot], float(share[slot]), float(score[slot])),
                strict=True,
            )
        )
        for name, best, share, score in zip(names, order, shares, scores, strict=True)
        for rank, slot in enumerate(best.tolist(), 1)
    ]


def answers_text(rows: Sequence[dict[str, Any]], style: str) -> str:
    """The rows as `table`, `csv` or `json`.

    A table has probabilities to four digits and no scores, and ranks only if there are several.
    """
    if style == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    return _csv(rows) if style == "csv" else _table(rows)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([safe_cell(row[name]) for name in COLUMNS] for row in rows)
    return text.getvalue()


def _table(rows: Sequence[dict[str, Any]]) -> str:
    shown = [name for name in COLUMNS[:-1] if name != "rank" or any(r["rank"] > 1 for r in rows)]
    cells = [
        [f"{row[name]:.4f}" if name == "probability" else legible(row[name]) for name in shown]
        for row in rows
    ]
    right = ("rank", "probability")
    sides = ["right" if name in right else "left" for name in shown]
    text: str = tabulate(cells, shown, tablefmt="github", colalign=sides, disable_numparse=True)
    return text + "\n"
