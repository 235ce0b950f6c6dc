"""The file `top_classes.csv` of a zero-shot run: the likeliest classes of the queries it shows.

It is of the episodes of `predictions.csv`, for whoever looks at them; no number is made of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.runs.episodes_file import FILE_BYTES
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.files import read_text

FILE = "top_classes.csv"
COLUMNS = ("episode", "slots", "scores")
TOP = 5
"""How many classes are kept of each query, or all if there are fewer."""


class Top(NamedTuple):
    """Of one episode: class slots int64 [n_query, k] and their scores [n_query, k], best first."""

    slots: IntArray
    scores: FloatArray


def top_of(scores: FloatArray) -> Top:
    """The likeliest classes of scores [n_query, n_way]; of equal scores the first slot counts."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return Top(order, np.take_along_axis(scores, order, axis=1))


def top_row(number: int, scores: FloatArray) -> str:
    """A row of the file: numbers query by query, scores with five digits."""
    found = top_of(scores)
    texts = " ".join(f"{score:.5g}" for score in found.scores.ravel().tolist())
    return f"{number},{' '.join(map(str, found.slots.ravel().tolist()))},{texts}"


def read_top(run: Path, queries: dict[int, int]) -> dict[int, Top]:
    """What a run has of these episodes, none if it has no such file.

    queries: how many each of them has. Raises BenchbenchError if the file is something else.
    """
    file = run / FILE
    try:
        header, *rows = read_text(file, FILE_BYTES).splitlines()
        if header != ",".join(COLUMNS):
            raise ValueError("its columns are others")
        parted = [row.split(",") for row in rows]
        return {
            int(number): _top(slots, scores, queries[int(number)])
            for number, slots, scores in parted
            if int(number) in queries
        }
    except FileNotFoundError:
        return {}
    except (ValueError, OverflowError) as error:
        raise BenchbenchError(f"{file} holds no classes of queries ({error})") from error


def _top(slots: str, scores: str, queries: int) -> Top:
    found = Top(
        np.array(slots.split(), np.int64).reshape(queries, -1),
        np.array(scores.split(), np.float64).reshape(queries, -1),
    )
    if found.slots.shape != found.scores.shape or (found.slots < 0).any():
        raise ValueError("its classes and scores do not fit")
    if not np.isfinite(found.scores).all():
        raise ValueError("a score is not finite")
    return found
