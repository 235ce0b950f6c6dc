"""The episodes and answers that a run has stored, for the viewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchbench.runs.directory import PREDICTED_EPISODES
from benchbench.runs.episodes_file import FILE_BYTES, PREDICTION_COLUMNS
from benchbench.system.files import read_text

SLOTS = 100_000
"""More classes than an episode has."""


MOST_QUERIES = 320
"""Of an episode; where it has more, the first ones of each class are shown."""


class Shown(NamedTuple):
    """One episode: image ids and class slots, the same for all methods."""

    support: tuple[int, ...]
    support_labels: tuple[int, ...]
    query: tuple[int, ...]
    query_labels: tuple[int, ...]

    @property
    def places(self) -> list[int]:
        """The places of the queries that are shown."""
        labels = np.array(self.query_labels, dtype=np.int64)
        order = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[order], labels[order])
        number = np.empty_like(order)
        number[order] = np.arange(len(order)) - starts
        each = max(1, MOST_QUERIES // max(1, len(np.unique(labels))))
        if len(labels) <= MOST_QUERIES:
            return list(range(len(labels)))
        places: list[int] = np.flatnonzero(number < each)[:MOST_QUERIES].tolist()
        return places

    def only(self, places: Sequence[int]) -> Shown:
        """The same episode with the queries at these places."""
        query, labels = (
            tuple(column[place] for place in places) for column in (self.query, self.query_labels)
        )
        return self._replace(query=query, query_labels=labels)

    @property
    def ids(self) -> set[int]:
        return {*self.support, *self.query}


def read_predictions(run: Path) -> tuple[dict[int, Shown], dict[int, list[int]]]:
    """A run's `predictions.csv`, if it has one. Raises BenchbenchError or ValueError if damaged."""
    try:
        header, *rows = read_text(run / "predictions.csv", FILE_BYTES).splitlines()
    except FileNotFoundError:
        return {}, {}
    if header != ",".join(PREDICTION_COLUMNS):
        raise ValueError("its columns are others")
    shown, predicted = {}, {}
    for row in rows[:PREDICTED_EPISODES]:
        number, *cells = row.split(",")
        support, support_labels, query, query_labels, slots = map(_whole, cells)
        if len(support) != len(support_labels) or not len(query) == len(query_labels) == len(slots):
            raise ValueError("a row's columns differ in length")
        if max((*support_labels, *query_labels, *slots)) >= SLOTS:
            raise ValueError("an episode has no so many classes")
        own = Shown(support, support_labels, query, query_labels)
        shown[int(number)], predicted[int(number)] = own, list(slots)
    return shown, predicted


def _whole(cell: str) -> tuple[int, ...]:
    numbers = tuple(map(int, cell.split()))
    if any(number < 0 for number in numbers):
        raise ValueError("a number is negative")
    return numbers


def extent_notes(
    numbers: Sequence[int], shown: Mapping[int, Shown], thin: Mapping[int, Shown]
) -> list[str]:
    """How much of what is stored is shown; how many episodes comes last."""
    notes = []
    if cut := [n for n in numbers if len(thin[n].query) < len(shown[n].query)]:
        first = cut[0]
        notes.append(
            f"Of the {len(shown[first].query)} queries of an episode the first of each class are "
            f"shown, {len(thin[first].query)}; the count of right answers is of all."
        )
    if len(numbers) < len(shown):
        extent = (
            f"The first {len(numbers)} of {len(shown)} stored episodes: more images would make the "
            "page too large."
        )
    else:
        several = f"The first {len(numbers)} episodes, all"
        extent = (
            f"{several if len(numbers) > 1 else 'The one episode'} whose predictions are stored."
        )
    return [*notes, extent]
