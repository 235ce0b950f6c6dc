"""Drawing episodes: which classes, which of their images, in which slots.

Randomness comes from NumPy's Philox counter generator (Salmon et al., SC 2011), whose raw stream
NumPy keeps for ever: the key is a hash of what the episodes are drawn from, the counter starts at
the episode's number. So episode i is the same whether it is drawn alone or among ten thousand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from benchbench import plugins, specs
from benchbench.episodes import EpisodeSet, IntArray
from benchbench.errors import BenchbenchError
from benchbench.hookspecs import hookimpl


class Labelled(Protocol):
    """What a sampler has to know of a data set."""

    name: str
    fingerprint: str
    labels: IntArray
    splits: dict[str, IntArray]
    class_names: list[str]


class ClassPool:
    """The classes of one split and their images, as integers.

    classes: [c] class ids; rows: the split's image ids, class by class; starts, sizes: [c] where
    each class begins in `rows` and how many images it has.
    """

    def __init__(self, dataset: Labelled, split: str) -> None:
        if split not in dataset.splits:
            raise BenchbenchError(
                f"{dataset.name} has no split '{split}'; it has {', '.join(dataset.splits)}."
            )
        self.dataset, self.split = dataset, split
        self.classes = dataset.splits[split]
        by_class = np.argsort(dataset.labels, kind="stable")
        bounds = np.searchsorted(dataset.labels[by_class], np.arange(len(dataset.class_names) + 1))
        self.sizes = np.diff(bounds)[self.classes]
        self.rows = np.concatenate(
            [by_class[bounds[c] : bounds[c + 1]] for c in self.classes] or [by_class[:0]]
        )
        self.starts = np.cumsum(self.sizes) - self.sizes

    def __len__(self) -> int:
        return len(self.classes)

    def at_least(self, images: int) -> ClassPool:
        """The pool without the classes that have fewer images."""
        smaller = copy(self)
        kept = self.sizes >= images
        smaller.classes, smaller.sizes = self.classes[kept], self.sizes[kept]
        smaller.starts = self.starts[kept]
        return smaller

    def class_name(self, position: int) -> str:
        return self.dataset.class_names[int(self.classes[position])]


class Stream:
    """Random numbers addressed by episode."""

    def __init__(self, **origin: str | int) -> None:
        digest = hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).digest()
        self._key = int.from_bytes(digest[:16], "little")

    def branch(self, name: str) -> Stream:
        """Another stream, unrelated to this one, that belongs to it."""
        return Stream(parent=f"{self._key:032x}", branch=name)

    def uniform(self, start: int, stop: int, width: int) -> NDArray[np.float64]:
        """Numbers in [0, 1), [stop - start, width]: row i belongs to episode start + i alone."""
        blocks = -(-width // 4)
        raw = np.random.Philox(key=self._key, counter=start * blocks).random_raw(
            (stop - start) * blocks * 4
        )
        doubles = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return doubles.reshape(stop - start, blocks * 4)[:, :width]


def choose(
    uniform: NDArray[np.float64], population: IntArray | int, order: NDArray[np.float64]
) -> IntArray:
    """Distinct integers below `population`, every ordered choice equally likely.

    uniform, order: [..., size] numbers in [0, 1); population: broadcasts against [...].
    Floyd's algorithm (Bentley, Communications of the ACM 30(9), 1987) over all rows at once, then
    the order of `order`.
    """
    size = uniform.shape[-1]
    chosen = np.empty(uniform.shape, dtype=np.int64)
    for column in range(size):
        last = np.asarray(population - size + column)
        candidate = np.floor(uniform[..., column] * (last + 1)).astype(np.int64)
        taken = (chosen[..., :column] == candidate[..., None]).any(axis=-1)
        chosen[..., column] = np.where(taken, last, candidate)
    return np.take_along_axis(chosen, np.argsort(order, axis=-1, kind="stable"), axis=-1)


class Sampler:
    """How episodes are drawn from a split's classes. Subclass it as a dataclass."""

    name: ClassVar[str]

    @property
    def protocol(self) -> str:
        """The sampling rule in a few characters that can stand in a file's name."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int | None, int | None, int | None]:
        """Way, shot and query per class; None where it varies."""
        return None, None, None

    def check(self, pool: ClassPool) -> None:
        """Raise BenchbenchError where the pool cannot supply such episodes."""

    def draw(self, pool: ClassPool, stream: Stream, start: int, stop: int) -> dict[str, IntArray]:
        """The arrays of `EpisodeSet` for the episodes start .. stop - 1, as far as they exist."""
        raise NotImplementedError

    def sample(self, pool: ClassPool, count: int, seed: int = 0, start: int = 0) -> EpisodeSet:
        """Episodes start .. start + count - 1 of the frozen sequence that `seed` names.

        Fewer where the sequence ends before. Raises BenchbenchError where the pool cannot supply
        such episodes.
        """
        self.check(pool)
        origin: dict[str, str | int] = {
            "fingerprint": pool.dataset.fingerprint,
            "split": pool.split,
            "protocol": self.protocol,
            "seed": seed,
        }
        arrays = self.draw(pool, Stream(**origin), start, start + count)
        return EpisodeSet(dataset=pool.dataset.name, **origin, **arrays)  # type: ignore[arg-type]


@dataclass
class FixedSampler(Sampler):
    """N-way K-shot with Q queries per class: N classes, then K + Q of each class's images.

    replacement: `images` lets an image recur in other episodes; `none` lets none do so, and the
    sequence ends when fewer than N classes have K + Q unused images (Lafargue et al., TMLR 2024).
    """

    name: ClassVar[str] = "fixed"
    way: int = 5
    shot: int = 1
    query: int = 15
    replacement: Literal["images", "none"] = "images"

    def __post_init__(self) -> None:
        if self.way < 2 or self.shot < 0 or self.query < 1:
            raise ValueError("needs way >= 2, shot >= 0 and query >= 1")
        if self.replacement not in ("images", "none"):
            raise ValueError("needs replacement images or none")

    @property
    def protocol(self) -> str:
        disjoint = "-disjoint" if self.replacement == "none" else ""
        return f"{self.way}way-{self.shot}shot-{self.query}query{disjoint}"

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.way, self.shot, self.query

    def check(self, pool: ClassPool) -> None:
        place = f"split '{pool.split}' of {pool.dataset.name}"
        if self.way > len(pool):
            cure = f"use --way {len(pool)} or fewer" if len(pool) > 1 else "use another split"
            raise BenchbenchError(
                f"{self.way}-way needs {self.way} classes and {place} has {len(pool)}; {cure}."
            )
        smallest = int(np.argmin(pool.sizes))
        size, needed = int(pool.sizes[smallest]), self.shot + self.query
        if needed > size:
            cure = (
                f"use --query {size - self.shot} or fewer"
                if size > self.shot
                else "use fewer shots, or leave the class out"
            )
            raise BenchbenchError(
                f"{self.shot}-shot with {self.query} queries needs {needed} images of a class and "
                f"'{pool.class_name(smallest)}' in {place} has {size}; {cure}."
            )

    def draw(self, pool: ClassPool, stream: Stream, start: int, stop: int) -> dict[str, IntArray]:
        if self.replacement == "none":
            return self._draw_disjoint(pool, stream, start, stop)
        per_class = self.shot + self.query
        take = _columns(
            stream.uniform(start, stop, 2 * self.way * (1 + per_class) + self.way * self.query)
        )
        slots = choose(take(self.way), len(pool), take(self.way))
        images = choose(take(self.way, per_class), pool.sizes[slots], take(self.way, per_class))
        rows = pool.rows[pool.starts[slots][..., None] + images]
        return self._arrays(pool.classes[slots], rows, take(self.way * self.query))

    def _draw_disjoint(
        self, pool: ClassPool, stream: Stream, start: int, stop: int
    ) -> dict[str, IntArray]:
        """Each class's images lie in a random order and are used up from the front."""
        per_class = self.shot + self.query
        stop = min(stop, int((pool.sizes // per_class).sum()) // self.way)
        take = _columns(stream.uniform(0, stop, self.way * (2 + self.query)))
        slots, used = self._unused_classes(pool.sizes, take(self.way), take(self.way))
        rows = _shuffled_rows(pool, stream.branch("images"))
        first = (pool.starts[slots] + used)[start:]
        return self._arrays(
            pool.classes[slots[start:]],
            rows[first[..., None] + np.arange(per_class)],
            take(self.way * self.query)[start : len(slots)],
        )

    def _unused_classes(
        self, sizes: IntArray, uniform: NDArray[np.float64], order: NDArray[np.float64]
    ) -> tuple[IntArray, IntArray]:
        """The classes of each episode until too few are left, and how many images were used before.

        uniform, order: [n, way] numbers in [0, 1), by which each episode chooses. Both results are
        [m, way] with m <= n.
        """
        per_class = self.shot + self.query
        slots, before = np.empty((2, *uniform.shape), np.int64)
        used = np.zeros_like(sizes)
        for episode, (numbers, places) in enumerate(zip(uniform, order, strict=True)):
            left = np.flatnonzero(sizes - used >= per_class)
            if len(left) < self.way:
                return slots[:episode], before[:episode]
            slots[episode] = left[choose(numbers, len(left), places)]
            before[episode] = used[slots[episode]]
            used[slots[episode]] += per_class
        return slots, before

    def _arrays(
        self, classes: IntArray, rows: IntArray, shuffle: NDArray[np.float64]
    ) -> dict[str, IntArray]:
        """The arrays of `EpisodeSet`.

        classes: [n, way]; rows: [n, way, shot + query] image ids, the support first; shuffle: [n,
        way * query] numbers by which the queries are ordered.
        """
        count = len(rows)
        labels = np.broadcast_to(np.arange(self.way)[:, None], rows.shape)
        positions = np.argsort(shuffle, axis=1, kind="stable")

        def queries(array: IntArray) -> IntArray:
            flat = array[..., self.shot :].reshape(count, self.way * self.query)
            return np.take_along_axis(flat, positions, axis=1).reshape(-1)

        return {
            "classes": classes.reshape(-1),
            "class_counts": np.full(count, self.way),
            "support": rows[..., : self.shot].reshape(-1),
            "support_labels": labels[..., : self.shot].reshape(-1),
            "support_counts": np.full(count, self.way * self.shot),
            "query": queries(rows),
            "query_labels": queries(labels),
            "query_counts": np.full(count, self.way * self.query),
        }


def _shuffled_rows(pool: ClassPool, stream: Stream) -> IntArray:
    """The pool's `rows` with the images of each class in a random order."""
    rows = pool.rows.copy()
    keys = stream.uniform(0, 1, len(rows))[0]
    for start, size in zip(pool.starts, pool.sizes, strict=True):
        order = np.argsort(keys[start : start + size], kind="stable")
        rows[start : start + size] = rows[start : start + size][order]
    return rows


def _columns(uniform: NDArray[np.float64]) -> Callable[..., NDArray[np.float64]]:
    """Hand out the columns of [n, width] from left to right, as [n, *shape]."""
    used = 0

    def take(*shape: int) -> NDArray[np.float64]:
        nonlocal used
        width = int(np.prod(shape))
        used += width
        return uniform[:, used - width : used].reshape(len(uniform), *shape)

    return take


def create_sampler(text: str, **options: int | str | None) -> Sampler:
    """The sampler of a spec; options that are None or that it does not have are left out."""
    spec = specs.parse(text)
    cls = plugins.find("register_samplers", "sampler", spec.name)
    known = specs.parameter_types(cls)
    for key, value in options.items():
        if value is None:
            continue
        if key not in known:
            raise BenchbenchError(f"The sampler '{spec.name}' has no --{key}.")
        if key in spec.parameters:
            raise BenchbenchError(f"'{text}' and --{key} both say {key}; leave one out.")
        spec.parameters[key] = str(value)
    sampler: Sampler = specs.configure(cls, spec)
    return sampler


@hookimpl
def register_samplers(register: Callable[[type], None]) -> None:
    register(FixedSampler)
