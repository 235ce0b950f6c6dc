"""Frozen episodes: rows of integers that every method, machine and year shares.

An `EpisodeSet` holds no pixels. Its sha256 covers every integer and what the integers were drawn
from, so that two results are comparable exactly if the hashes are equal.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.system.arrays import IntArray, common_value
from benchbench.system.integer_files import load_integers, save_integers

_ARRAYS = (
    "classes",
    "class_counts",
    "support",
    "support_labels",
    "support_counts",
    "query",
    "query_labels",
    "query_counts",
)
_POOL_ARRAYS = ("unlabelled", "unlabelled_counts")
"""They are hashed and stored where there is a pool, so that sets without one keep their hashes."""
_UNKNOWN_ARRAYS = ("unknown", "unknown_counts")
"""They are hashed and stored where there are any, so that sets without keep their hashes."""


def _no_images() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Episode:
    """One few-shot task; all arrays are int64.

    classes: [way] class ids, the class of slot k at position k.
    support, query: ids of images; queries are in random order.
    support_labels, query_labels: the slot of each image.
    unlabelled: ids of the images that come without labels, in random order; none in most episodes.
    unknown: ids of queries of none of the classes, in random order; none in most episodes.
    """

    classes: IntArray
    support: IntArray
    support_labels: IntArray
    query: IntArray
    query_labels: IntArray
    unlabelled: IntArray = field(default_factory=_no_images)
    unknown: IntArray = field(default_factory=_no_images)

    @property
    def n_way(self) -> int:
        return len(self.classes)

    @property
    def asked(self) -> IntArray:
        """The ids of all that is asked: the queries, and after them the unknown ones."""
        return np.concatenate([self.query, self.unknown])

    @property
    def asked_labels(self) -> IntArray:
        """The slots of all that is asked, and -1 for what is of none of the classes."""
        return np.concatenate([self.query_labels, np.full(len(self.unknown), -1)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Episode) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def id(self) -> str:
        """16 hex digits that two episodes share only if they are the same task."""
        digest = hashlib.sha256()
        *arrays, pool, unknown = dataclasses.astuple(self)
        for array in (*arrays, *(each for each in (pool, unknown) if len(each))):
            digest.update(len(array).to_bytes(8, "little"))
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class EpisodeSet:
    """A sequence of episodes and what they were drawn from; episodes may differ in size.

    The arrays are the episodes' arrays end to end (int64), and `class_counts`, `support_counts`,
    `query_counts`, `unlabelled_counts` and `unknown_counts` ([n_episodes]) their lengths; without
    the last two there are no unlabelled images, or no unknown queries. standard: whether papers
    draw such episodes, as the sampler that drew them says. pictures: what tells the images of the
    data set, which a file keeps (`datasets.same_pictures`); neither is hashed.
    """

    dataset: str
    fingerprint: str
    split: str
    protocol: str
    seed: int
    classes: IntArray
    class_counts: IntArray
    support: IntArray
    support_labels: IntArray
    support_counts: IntArray
    query: IntArray
    query_labels: IntArray
    query_counts: IntArray
    standard: bool = False
    unlabelled: IntArray = field(default_factory=_no_images)
    unlabelled_counts: IntArray = field(default_factory=_no_images)
    unknown: IntArray = field(default_factory=_no_images)
    unknown_counts: IntArray = field(default_factory=_no_images)
    pictures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("unlabelled_counts", "unknown_counts"):
            if len(getattr(self, name)) == 0:
                object.__setattr__(self, name, np.zeros_like(self.class_counts))

    def __len__(self) -> int:
        return len(self.class_counts)

    def __getitem__(self, index: int) -> Episode:
        if not -len(self) <= index < len(self):
            raise IndexError(f"episode {index} of {len(self)}")
        index %= len(self)
        classes, support, query, pool, unknown = (
            slice(ends[index] - counts[index], ends[index])
            for ends, counts in zip(self._ends, self._counts, strict=True)
        )
        return Episode(
            self.classes[classes],
            self.support[support],
            self.support_labels[support],
            self.query[query],
            self.query_labels[query],
            self.unlabelled[pool],
            self.unknown[unknown],
        )

    def __iter__(self) -> Iterator[Episode]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EpisodeSet) and self.sha256 == other.sha256

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _counts(self) -> tuple[IntArray, ...]:
        counts = self.class_counts, self.support_counts, self.query_counts
        return (*counts, self.unlabelled_counts, self.unknown_counts)

    @cached_property
    def _ends(self) -> tuple[IntArray, ...]:
        return tuple(np.cumsum(counts) for counts in self._counts)

    @property
    def has_pool(self) -> bool:
        """Whether any episode has unlabelled images."""
        return len(self.unlabelled) > 0

    @property
    def pool(self) -> int | None:
        """How many unlabelled images an episode has; None if it varies."""
        return common_value(self.unlabelled_counts)

    @property
    def has_unknown(self) -> bool:
        """Whether any episode has queries of none of its classes."""
        return len(self.unknown) > 0

    @property
    def unknown_shape(self) -> int | None:
        """How many queries of none of its classes an episode has; None if that varies."""
        return common_value(self.unknown_counts)

    @property
    def images(self) -> IntArray:
        """The ids of all images of all episodes; an image that recurs counts each time."""
        return np.concatenate([self.support, self.query, self.unlabelled, self.unknown])

    @property
    def images_drawn(self) -> int:
        """How many `images` there are."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int | None, int | None, int | None]:
        """Way, shot and query per class; None if it varies over episodes or classes."""
        shots = self._per_class(self.support_labels, self.support_counts)
        queries = self._per_class(self.query_labels, self.query_counts)
        return common_value(self.class_counts), common_value(shots), common_value(queries)

    def _per_class(self, labels: IntArray, counts: IntArray) -> IntArray:
        """How many images each class of each episode has, episode by episode."""
        first = np.cumsum(self.class_counts) - self.class_counts
        slots = labels + np.repeat(first, counts)
        return np.bincount(slots, minlength=int(self.class_counts.sum()))

    @property
    def disjoint(self) -> bool:
        """Whether no image occurs twice, in one episode or in two."""
        return len(np.unique(self.images)) == self.images_drawn

    def head(self, count: int) -> EpisodeSet:
        """The first `count` episodes."""
        if count > len(self):
            raise BenchbenchError(f"{count} episodes were asked for and the set holds {len(self)}.")
        ends = (int(each[:count].sum()) for each in self._counts)
        classes, support, query, pool, unknown = ends
        return dataclasses.replace(
            self,
            classes=self.classes[:classes],
            class_counts=self.class_counts[:count],
            support=self.support[:support],
            support_labels=self.support_labels[:support],
            support_counts=self.support_counts[:count],
            query=self.query[:query],
            query_labels=self.query_labels[:query],
            query_counts=self.query_counts[:count],
            unlabelled=self.unlabelled[:pool],
            unlabelled_counts=self.unlabelled_counts[:count],
            unknown=self.unknown[:unknown],
            unknown_counts=self.unknown_counts[:count],
        )

    @property
    def origin(self) -> dict[str, str | int]:
        """What the episodes were drawn from, in the order in which it is hashed."""
        return {
            "fingerprint": self.fingerprint,
            "split": self.split,
            "protocol": self.protocol,
            "seed": self.seed,
        }

    @cached_property
    def sha256(self) -> str:
        """The set's identity: its origin and every integer, but not the data set's name."""
        digest = hashlib.sha256(json.dumps(self.origin).encode())
        for name in self._arrays:
            array = getattr(self, name)
            digest.update(f"{name}:{len(array)}:".encode())
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write an `.npz` file, whole or not at all. Raises BenchbenchError if it cannot."""
        own = {"dataset": self.dataset, "standard": self.standard}
        own |= {"pictures": self.pictures} if self.pictures else {}
        header = {**own, **self.origin, "sha256": self.sha256}
        save_integers(path, header, {name: getattr(self, name) for name in self._arrays})

    @property
    def _arrays(self) -> tuple[str, ...]:
        """The names of the arrays that are hashed and stored."""
        pool = _POOL_ARRAYS if self.has_pool else ()
        return (*_ARRAYS, *pool, *(_UNKNOWN_ARRAYS if self.has_unknown else ()))

    @classmethod
    def load(cls, path: Path) -> EpisodeSet:
        """Read a saved set. Raises BenchbenchError if the file is not one or was altered."""
        try:
            header, arrays = load_integers(path)
            sha256 = header.pop("sha256")
            parts: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
            further = (*_POOL_ARRAYS, *_UNKNOWN_ARRAYS)
            parts |= {name: arrays[name] for name in further if name in arrays}
            episodes = cls(**header, **parts)
        except FileNotFoundError as error:
            raise BenchbenchError(f"There is no episode file {path}.") from error
        except Exception as error:
            raise BenchbenchError(
                f"{path} is not an episode file; `benchbench episodes make` writes one."
            ) from error
        if episodes.sha256 != sha256:
            raise BenchbenchError(f"{path} does not hold what its sha256 says; make it again.")
        return episodes

    @classmethod
    def from_episodes(
        cls,
        episodes: list[Episode],
        *,
        dataset: str,
        fingerprint: str,
        split: str,
        protocol: str,
        seed: int = 0,
    ) -> EpisodeSet:
        """A set of given episodes."""
        arrays: dict[str, Any] = {**arrays_of(episodes)}
        return cls(dataset, fingerprint, split, protocol, seed, **arrays)


def arrays_of(episodes: list[Episode]) -> dict[str, IntArray]:
    """The arrays of an `EpisodeSet` of these episodes, by name."""
    arrays = {}
    for name in (each.name for each in dataclasses.fields(Episode)):
        parts = [getattr(episode, name) for episode in episodes]
        arrays[name] = np.concatenate([*parts, np.empty(0, np.int64)])
    counted = ("support", "query", "unlabelled", "unknown")
    for name, counts in (("classes", "class"), *zip(counted, counted, strict=True)):
        lengths = [len(getattr(episode, name)) for episode in episodes]
        arrays[f"{counts}_counts"] = np.array(lengths, dtype=np.int64)
    return arrays
