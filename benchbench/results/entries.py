"""Finished runs as arrays: a `Result` is one run, as `stored.py` reads it; an `Entry` is one
configured method on one protocol, with a result for each training seed on the same episodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError
from benchbench.results.configurations import whole_identity
from benchbench.results.labels import labels_of, named, names_by_collection, text_hash
from benchbench.runs.rows import Rows

PROTOCOL = ("fingerprint", "splits", "split", "protocol", "episode_seed")
"""The entries of a run's identity that say which frozen episodes it met."""

EPISODES_OF = " with episodes of "
"""Between the fingerprints of data and of what a file's episodes were drawn of, if not of them."""


@dataclass(frozen=True)
class Result:
    """A finished run.

    correct, n_query: int64 [n]; class_ids: "3 1 4" of each episode; metrics: float64 [n] by name.
    lacking: the defaults of parameters that its method has got since, by name.
    """

    path: Path
    manifest: dict[str, Any]
    correct: NDArray[np.int64]
    n_query: NDArray[np.int64]
    class_ids: tuple[str, ...]
    metrics: dict[str, NDArray[np.float64]]
    lacking: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.correct)

    def head(self, count: int) -> Result:
        """The first `count` episodes, all if there are fewer."""
        return replace(
            self,
            correct=self.correct[:count],
            n_query=self.n_query[:count],
            class_ids=self.class_ids[:count],
            metrics={name: values[:count] for name, values in self.metrics.items()},
        )

    @property
    def rows(self) -> Rows:
        """What it has of `episodes.csv`."""
        return Rows(self.correct, self.n_query, self.class_ids, self.metrics)

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """float64 [n], in [0, 1]."""
        return np.asarray(self.correct / self.n_query)

    @property
    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = self.manifest["identity"]
        return identity

    @property
    def dataset(self) -> str:
        return str(self.manifest["dataset"]["name"])

    @property
    def collection(self) -> str:
        """The data set, or that of several sources of which it is one."""
        return str(self.manifest["dataset"].get("trained_on", {}).get("name") or self.dataset)

    @property
    def source(self) -> str:
        """What it is called among several sources; the data set if it is not one of them."""
        return str(self.manifest["dataset"].get("source") or self.dataset)

    @property
    def trained_on(self) -> str:
        """The sources that were learnt from, joined by +; empty if it is the data set itself."""
        return "+".join(self.manifest["dataset"].get("trained_on", {}).get("sources", ()))

    @property
    def subject(self) -> str:
        """The data set whose images were tested, without what was learnt from."""
        return str(self.manifest["dataset"].get("subject") or self.dataset)

    @property
    def method(self) -> str:
        """The method's spec, with the parameters that differ from their defaults."""
        return str(self.manifest["method"]["spec"])

    @property
    def given_name(self) -> str:
        """What whoever ran it called it, or nothing."""
        return str(self.manifest.get("label", ""))

    @property
    def seed(self) -> int:
        """The seed of training."""
        return int(self.identity["seed"])

    @property
    def protocol(self) -> tuple[Any, ...]:
        """What two results must share to be compared: the data set and `PROTOCOL`."""
        identity = self.identity
        if "episodes_of" in identity:
            # Episodes of the same files read otherwise are others than those of the data itself.
            both = f"{identity['fingerprint']}{EPISODES_OF}{identity['episodes_of']}"
            identity = {**identity, "fingerprint": both}
        return (self.dataset, *(identity[key] for key in PROTOCOL))

    @property
    def kind(self) -> str:
        """What its episodes are called next to others."""
        return kind_of(*(self.identity[key] for key in ("protocol", "split", "episode_seed")))

    @property
    def configuration(self) -> str:
        """What two results must share to be seeds of one entry."""
        whole = whole_identity(self.manifest, self.lacking)
        identity = {key: value for key, value in whole.items() if key != "seed"}
        return json.dumps([self.dataset, identity], sort_keys=True)


@dataclass(frozen=True)
class Entry:
    """A configured method on one protocol, with a result for each training seed, in order.

    label: the name that it was given (`named`), or else the method's spec; if a table has it twice,
    its budget or a hash tells them apart.
    """

    label: str
    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        return self.results[0]

    @property
    def seeds(self) -> list[int]:
        return [result.seed for result in self.results]

    def __len__(self) -> int:
        """The number of episodes that all seeds have met."""
        return min(map(len, self.results))

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """float64 [seeds, n]: the accuracy of each seed on each episode."""
        return np.stack([result.accuracy[: len(self)] for result in self.results])

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """float64 [n]: the mean over the seeds."""
        return np.asarray(self.scores.mean(axis=0))

    @property
    def classes(self) -> list[NDArray[np.int64]]:
        return list(_parsed(self.first.class_ids[: len(self)]))

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says of the episodes that all seeds have met."""
        episodes: dict[str, Any] = min(self.results, key=len).manifest["episodes"]
        return episodes


@lru_cache(maxsize=64)
def _parsed(class_ids: tuple[str, ...]) -> tuple[NDArray[np.int64], ...]:
    """Cached, since all runs on one protocol have the same."""
    counts = np.array([text.count(" ") + 1 for text in class_ids])
    flat = np.array(" ".join(class_ids).split(), dtype=np.int64)
    return tuple(np.split(flat, np.cumsum(counts)[:-1]))


def entries_of(results: Iterable[Result], names: Mapping[str, str] | None = None) -> list[Entry]:
    """The results of one protocol by label.

    names: of methods, by their specs, where other results have a say; those of `named` by default.
    Raises BenchbenchError if their episodes differ, or if two folders hold one run.
    """
    results = list(results)
    names = named(results) if names is None else names
    check_distinct(results)
    groups: dict[str, dict[int, Result]] = {}
    for result in results:
        groups.setdefault(result.configuration, {})[result.seed] = result
    seeds = [tuple(group[seed] for seed in sorted(group)) for group in groups.values()]
    for group in seeds[1:]:
        check_same_episodes(seeds[0][0], group[0])
    labels = labels_of([group[0] for group in seeds], names)
    entries = [Entry(label, group) for label, group in zip(labels, seeds, strict=True)]
    return sorted(entries, key=lambda entry: entry.label)


def check_distinct(results: Iterable[Result]) -> None:
    """Raise BenchbenchError that names both folders, if two of them hold one run."""
    found: dict[tuple[str, int], Result] = {}
    for result in results:
        first = found.setdefault((result.configuration, result.seed), result)
        if first is not result:
            raise BenchbenchError(
                f"{first.path} and {result.path} are one run, {result.method} with seed "
                f"{result.seed} on {result.dataset}; name one of them only, or move one elsewhere."
            )


def check_same_episodes(a: Result, b: Result) -> None:
    """Raise BenchbenchError that says why, if two results did not meet the same episodes."""
    check_met(a, b, ("data set", *PROTOCOL), a.protocol, b.protocol)


def check_met(
    a: Result, b: Result, names: Sequence[str], of_a: Sequence[Any], of_b: Sequence[Any]
) -> None:
    """Raise BenchbenchError if what says which episodes they met differs, or their classes do.

    names: of the entries of of_a and of_b.
    """
    for what, one, other in zip(names, of_a, of_b, strict=True):
        if one != other:
            raise BenchbenchError(
                f"{a.method} and {b.method} did not meet the same episodes: their "
                f"{what.replace('_', ' ')} is {str(one)[:24]} and {str(other)[:24]}."
            )
    count = min(len(a), len(b))
    if a.class_ids[:count] != b.class_ids[:count]:
        raise BenchbenchError(
            f"{a.path} and {b.path} claim one protocol but hold different episodes; move the one "
            "elsewhere that does not belong there."
        )


def tables_of(results: Sequence[Result]) -> list[list[Entry]]:
    """The entries of each protocol, in order of data set and protocol.

    A name that a method was given on one data set labels it there and on no other. Raises
    BenchbenchError if two folders hold one run.
    """
    groups = by_protocol(results)
    names = names_by_collection(results)
    return [
        entries_of(groups[key], names[groups[key][0].collection])
        for key in sorted(groups, key=repr)
    ]


def by_protocol(results: Iterable[Result]) -> dict[tuple[Any, ...], list[Result]]:
    """The results that may be compared, by `Result.protocol`."""
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        groups.setdefault(result.protocol, []).append(result)
    return groups


def kind_of(protocol: str, split: str, episode_seed: int) -> str:
    """What episodes are called: by their protocol, and by what is not as usual."""
    split = "" if split == "test" else split
    seed = f"episode seed {episode_seed}" if episode_seed else ""
    return ", ".join(filter(None, [protocol, split, seed]))


def protocol_hash(protocol: tuple[Any, ...]) -> str:
    """Twelve hex digits of what `Result.protocol` holds but for the data set's name."""
    return text_hash(json.dumps(protocol[1:]))[:12]
