"""Which classes a method knows, and which it takes for one another, from all stored answers.

The episodes are drawn again from the table of classes; neither the data nor torch is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchbench.datasets.opening import open_dataset
from benchbench.datasets.reading.offline import only_looking
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.results.answered import answers_of
from benchbench.results.entries import Entry
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.places import Places
from benchbench.verification.redrawing import Redrawings

TRUE, TAKEN_FOR, QUERIES = "class", "taken for", "queries"


@dataclass(frozen=True)
class PerClass:
    """The methods of one protocol, class by class, on the episodes that all of them have met.

    accuracy: float64, a row for each class that has queries, by its id, and a column for each
    method: the share of right answers, over all seeds. queries: int64, how many there are by class.
    confusions: float64, a row for each pair of classes, by (class, taken for), of which a method
    took the one for the other, those first of which most answers are: the share of the queries that
    could be. confusable: int64, how many queries of the class there are with the other one in the
    episode, by pair. episodes: their number. left_out: reasons, with numbers of runs.
    """

    accuracy: pd.DataFrame = field(default_factory=pd.DataFrame)
    queries: pd.Series[int] = field(default_factory=pd.Series)
    confusions: pd.DataFrame = field(default_factory=pd.DataFrame)
    confusable: pd.Series[int] = field(default_factory=pd.Series)
    episodes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def answers(self, label: str) -> tuple[IntArray, IntArray, FloatArray]:
        """The answers of a method by pairs of classes: ids of true and answered ones, and counts.

        Three arrays [n]; the counts are means over seeds, and right answers are in them.
        """
        classes = self.accuracy.index.to_numpy(np.int64)
        right = (self.accuracy[label] * self.queries).to_numpy(np.float64)
        if self.confusions.empty:
            return classes, classes, right
        wrong = (self.confusions[label] * self.confusable).to_numpy(np.float64)
        true, said = (self.confusions.index.get_level_values(n).to_numpy(np.int64) for n in (0, 1))
        return (
            np.concatenate([classes, true]),
            np.concatenate([classes, said]),
            np.concatenate([right, wrong]),
        )

    @property
    def remarks(self) -> list[str]:
        """What is left out, in words."""
        return [f"left out {_runs(count)}: {why}" for why, count in sorted(self.left_out.items())]


def per_class(entries: Sequence[Entry], redrawings: Redrawings) -> PerClass:
    """The classes of one protocol; without rows if no run has answers."""
    left_out: Counter[str] = Counter()
    answered: dict[str, list[tuple[EpisodeSet, IntArray]]] = {}
    for entry in entries:
        for result in entry.results:
            found = answers_of(result, redrawings)
            if isinstance(found, str):
                left_out[found] += 1
            else:
                answered.setdefault(entry.label, []).append(found)
    if not answered:
        return PerClass(left_out=left_out)
    sets = [episodes for some in answered.values() for episodes, _ in some]
    shared = min(sets, key=len)
    pairs = _Pairs(shared)
    slots = {
        label: [own[: len(shared.query_labels)] for _, own in some]
        for label, some in answered.items()
    }
    return PerClass(*pairs.accuracy(slots), *pairs.confusions(slots), len(shared), left_out)


class _Pairs:
    """Counts pairs of classes in episodes; a pair is one number, so that few are held of many."""

    def __init__(self, episodes: EpisodeSet) -> None:
        self._classes = episodes.classes
        first = np.cumsum(episodes.class_counts) - episodes.class_counts
        self._first = np.repeat(first, episodes.query_counts)
        self._slots = self._first + episodes.query_labels
        self._true = self._classes[self._slots]
        self._base = int(self._classes.max()) + 1
        self._sizes = episodes.class_counts

    def accuracy(self, slots: dict[str, list[IntArray]]) -> tuple[pd.DataFrame, pd.Series[int]]:
        """As `PerClass.accuracy` and `queries`; slots: the answers of each seed, by method."""
        total = np.bincount(self._true, minlength=self._base)
        ids = np.flatnonzero(total)
        columns = {}
        for label, seeds in slots.items():
            right = np.concatenate([self._true[self._first + own == self._slots] for own in seeds])
            counts = np.bincount(right, minlength=self._base)
            columns[label] = counts[ids] / (total[ids] * len(seeds))
        return pd.DataFrame(columns, index=ids), pd.Series(total[ids], index=ids)

    def confusions(self, slots: dict[str, list[IntArray]]) -> tuple[pd.DataFrame, pd.Series[int]]:
        """As `PerClass.confusions` and `confusable`."""
        counts = pd.DataFrame({label: self._confused(seeds) for label, seeds in slots.items()})
        counts = counts.fillna(0)
        codes = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
        confusable = self._asked_together().reindex(codes)
        shares = counts.loc[codes].div(confusable, axis=0)
        for label, seeds in slots.items():
            shares[label] /= len(seeds)
        ids = codes.to_numpy(np.int64)
        pairs = pd.MultiIndex.from_arrays([ids // self._base, ids % self._base])
        return shares.set_axis(pairs), confusable.set_axis(pairs)

    def _confused(self, seeds: list[IntArray]) -> pd.Series[int]:
        """How often the one was taken for the other, by pair."""
        taken = [(self._true, self._classes[self._first + own]) for own in seeds]
        pairs = [true[true != said] * self._base + said[true != said] for true, said in taken]
        return _counted(np.concatenate(pairs))

    def _asked_together(self) -> pd.Series[int]:
        """How many queries of the one were asked where the other was in the episode, by pair."""
        queries = np.bincount(self._slots, minlength=len(self._classes))
        first = np.cumsum(self._sizes) - self._sizes
        bounds = zip(first, first + self._sizes, strict=True)
        together = [self._classes[start:end] for start, end in bounds]
        beside = np.concatenate([np.tile(one, len(one)) for one in together])
        times = np.repeat(self._sizes, self._sizes)
        codes = np.repeat(self._classes, times) * self._base + beside
        weights = np.repeat(queries, times)
        found, inverse = np.unique(codes, return_inverse=True)
        counts = np.bincount(inverse, weights).astype(np.int64)
        return pd.Series(counts, index=found, dtype="int64")


def _counted(pairs: IntArray) -> pd.Series[int]:
    found, counts = np.unique(pairs, return_counts=True)
    return pd.Series(counts, index=found)


def _runs(count: int) -> str:
    return f"{count} run" + "s" * (count != 1)


def class_names(entries: Sequence[Entry], places: Places) -> list[str] | None:
    """The names of the classes by id, where the data is decoded here already; None elsewhere."""
    first = entries[0].first
    try:
        with only_looking():
            opened = open_dataset(first.dataset, places)
    except (BenchbenchError, OSError):
        return None
    same = opened.fingerprint == first.identity["fingerprint"]
    return opened.class_names if same else None
