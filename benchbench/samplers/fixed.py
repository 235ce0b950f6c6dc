"""Fixed N-way K-shot episodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Bounds
from benchbench.samplers.class_choice import Classes
from benchbench.samplers.composing import ComposingSampler, Concentration
from benchbench.samplers.pool import ClassPool
from benchbench.samplers.query_priors import Prior
from benchbench.samplers.unknown import check_unknown, draw_unknown
from benchbench.samplers.unlabelled import check_room, draw_unlabelled
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.randomness import AddressedStream, Numbers, choose


@dataclass
class FixedSampler(ComposingSampler):
    """N-way K-shot with Q queries per class: N classes, then K + Q of each class's images.

    way, shot, query: N, K and Q; Q is an average over the classes if `prior` is not balanced.
    replacement: `images` lets an image recur in other episodes; with `none` no image recurs, and
        the sequence ends when fewer than N classes have K + Q unused images (Lafargue et al., TMLR
        2024).
    unlabelled: images without labels that an episode has of each of its classes, beside support and
        queries, which stay what they are without (Ren et al., ICLR 2018, arXiv:1803.00676).
    distractors: as many again of each of so many other classes of the split.
    unknown: queries in all, beside the others, that are of none of an episode's classes but of
        other classes of the split, distractors excepted; all else stays what it is without.
    """

    name: ClassVar[str] = "fixed"
    fewest_classes_option: ClassVar[str] = "--way {}"
    way: Annotated[int, Bounds(ge=2, of_data=True)] = 5
    shot: Annotated[int, Bounds(ge=0, of_data=True)] = 1
    query: Annotated[int, Bounds(ge=1, of_data=True)] = 15
    replacement: Literal["images", "none"] = "images"
    classes: Classes = "uniform"
    prior: Prior = "balanced"
    concentration: Concentration = 2.0
    separate_groups: bool = False
    unlabelled: Annotated[int, Bounds(ge=0, of_data=True)] = 0
    distractors: Annotated[int, Bounds(ge=0, of_data=True)] = 0
    unknown: Annotated[int, Bounds(ge=0, of_data=True)] = 0

    def __post_init__(self) -> None:
        if self.way < 2 or self.shot < 0 or self.query < 1:
            raise ValueError("needs way >= 2, shot >= 0 and query >= 1")
        if self.replacement not in ("images", "none"):
            raise ValueError("needs replacement images or none")
        self.fewest_classes, self.fewest_shots = self.way, self.shot
        self.check_options()
        if self.replacement == "none" and not self._is_plain:
            raise ValueError(
                "replacement none goes only with classes=uniform, prior=balanced and no "
                "separate_groups"
            )
        if self.unknown < 0:
            raise ValueError("needs unknown >= 0")
        if self.unknown and self.replacement == "none":
            raise ValueError("has unknown queries only with replacement=images; leave one out")
        self._check_pool()

    def _check_pool(self) -> None:
        if self.unlabelled < 0 or self.distractors < 0:
            raise ValueError("needs unlabelled >= 0 and distractors >= 0")
        if self.distractors and not self.unlabelled:
            raise ValueError("draws distractors only with unlabelled images; add --unlabelled")
        others = self.replacement == "none" or self.prior != "balanced" or self.separate_groups
        if self.unlabelled and others:
            raise ValueError(
                "has unlabelled images only with replacement=images, prior=balanced and no "
                "separate_groups; leave out --unlabelled or the others"
            )

    @property
    def _is_plain(self) -> bool:
        """Whether any classes and images may be combined, equally many of each class."""
        return (self.classes, self.prior, self.separate_groups) == ("uniform", "balanced", False)

    @property
    def protocol(self) -> str:
        pool = f"-{self.unlabelled}unlabelled" if self.unlabelled else ""
        others = f"-{self.distractors}distractors" if self.distractors else ""
        unknown = f"-{self.unknown}unknown" if self.unknown else ""
        return f"{self.address}{pool}{others}{unknown}"

    @property
    def of_known(self) -> FixedSampler:
        return replace(self, unknown=0)

    @property
    def address(self) -> str:
        """The protocol without unlabelled images and unknown queries, whose numbers are others."""
        disjoint = "-disjoint" if self.replacement == "none" else ""
        return f"{self.way}way-{self.shot}shot-{self.query}query{disjoint}{self.suffix}"

    @property
    def shape(self) -> tuple[int, int, int | None]:
        return self.way, self.shot, self.query if self.prior == "balanced" else None

    @property
    def standard(self) -> bool:
        return self._is_plain and not self.unlabelled and not self.unknown

    def bounds(self, pool: ClassPool) -> tuple[int, int, int]:
        return self.way, self.way * self.shot, self.way * self.query

    def way_of(self, classes: int, whole: bool, numbers: Numbers) -> int:
        return self.way

    def queries_of(self, sizes: IntArray) -> int:
        return self.query

    def shots_of(self, sizes: IntArray, query: int, numbers: Numbers) -> IntArray:
        return np.full(len(sizes), self.shot)

    def check(self, pool: ClassPool) -> None:
        if self.way > len(pool):
            cure = (
                f"use --way {len(pool)} or fewer"
                if len(pool) > 1
                else "use another split, or data with more classes"
            )
            raise BenchbenchError(
                f"{self.way}-way needs {self.way} classes and {pool.place} has {len(pool)}; {cure}."
            )
        smallest = int(np.argmin(pool.sizes))
        size, needed = int(pool.sizes[smallest]), self.shot + self.query
        if self.unlabelled:
            check_room(pool, self)
        if needed > size:
            cure = (
                f"use --query {size - self.shot} or fewer"
                if size > self.shot
                else "use fewer shots, or leave the class out"
            )
            raise BenchbenchError(
                f"{self.shot}-shot with {self.query} queries needs {needed} images of a class and "
                f"'{pool.class_name(smallest)}' in {pool.place} has {size}; {cure}."
            )
        super().check(pool)
        check_unknown(pool, self.way, self.distractors, self.unknown)

    def draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        drawn = self._draw(pool, stream, start, stop)
        if self.unlabelled:
            drawn |= draw_unlabelled(pool, drawn, stream.branch("unlabelled"), start, self)
        if self.unknown:
            drawn |= draw_unknown(pool, drawn, stream.branch("unknown"), start, self.unknown)
        return drawn

    def _draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        if self.replacement == "none":
            return self._draw_disjoint(pool, stream, start, stop)
        if not self._is_plain:
            return super().draw(pool, stream, start, stop)
        shape = stop - start, self.way, self.shot + self.query
        widths = self.way * np.array([1, 1, shape[2], shape[2], self.query])
        numbers = stream.uniform(start, stop, int(widths.sum()))
        classes, order, images, places, shuffle = np.split(numbers, widths.cumsum()[:-1], axis=1)
        slots = choose(classes, len(pool), order)
        chosen = choose(images.reshape(shape), pool.sizes[slots], places.reshape(shape))
        rows = pool.rows[pool.starts[slots][..., None] + chosen]
        return self._arrays(pool.classes[slots], rows, shuffle)

    def _draw_disjoint(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        """Each class's images are put into a random order and used up from the front."""
        per_class = self.shot + self.query
        stop = min(stop, int((pool.sizes // per_class).sum()) // self.way)
        numbers = stream.uniform(0, stop, self.way * (2 + self.query))
        classes, order, shuffle = np.split(numbers, [self.way, 2 * self.way], axis=1)
        slots, used = self._unused_classes(pool.sizes, classes, order)
        rows = _shuffled_rows(pool, stream.branch("images"))
        first = (pool.starts[slots] + used)[start:]
        return self._arrays(
            pool.classes[slots[start:]],
            rows[first[..., None] + np.arange(per_class)],
            shuffle[start : len(slots)],
        )

    def _unused_classes(
        self, sizes: IntArray, uniform: FloatArray, order: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """The classes of each episode until too few are left, and how many images were used before.

        uniform, order: [n, way] numbers in [0, 1), with which each episode chooses its classes.
        Both results are [m, way] with m <= n.
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
        self, classes: IntArray, rows: IntArray, shuffle: FloatArray
    ) -> dict[str, IntArray]:
        """The arrays of an `EpisodeSet`.

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


def _shuffled_rows(pool: ClassPool, stream: AddressedStream) -> IntArray:
    """The pool's `rows` with the images of each class in a random order."""
    rows = pool.rows.copy()
    keys = stream.uniform(0, 1, len(rows))[0]
    for start, size in zip(pool.starts, pool.sizes, strict=True):
        order = np.argsort(keys[start : start + size], kind="stable")
        rows[start : start + size] = rows[start : start + size][order]
    return rows
