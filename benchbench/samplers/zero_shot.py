"""All classes of a split at once, without a support: the view of zero-shot benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from benchbench.episodes import Episode, arrays_of
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Bounds
from benchbench.samplers.base import Sampler
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream

NO_IMAGES = np.empty(0, np.int64)


@dataclass
class ZeroShotSampler(Sampler):
    """Every class of the split is a candidate, and there is no support image.

    query: of each class, drawn anew in each episode; or `all` images, of which there is one
        episode.
    """

    name: ClassVar[str] = "zero_shot"
    usual_episodes: ClassVar[int] = 5
    query: Annotated[int, Bounds(ge=1, of_data=True)] | Literal["all"] = "all"

    @property
    def protocol(self) -> str:
        return f"allway-0shot-{self.query}query"

    @property
    def shape(self) -> tuple[int | None, int | None, int | None]:
        return None, 0, None if self.query == "all" else self.query

    @property
    def is_whole(self) -> bool:
        return self.query == "all"

    def check(self, pool: ClassPool) -> None:
        if len(pool) < 2:
            raise BenchbenchError(f"zero_shot needs two classes and {pool.place} has {len(pool)}.")
        smallest = int(np.argmin(pool.sizes))
        if self.query != "all" and pool.sizes[smallest] < self.query:
            size = int(pool.sizes[smallest])
            raise BenchbenchError(
                f"'{pool.class_name(smallest)}' in {pool.place} has {size} images; "
                f"use --query {size} or fewer."
            )

    def draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        stop = min(stop, 1) if self.is_whole else stop
        slots = stream.branch("slots").each(start, stop, len(pool))
        images = stream.branch("images").each(start, stop, len(pool.rows))
        episodes = []
        for of_slots, of_images in zip(slots, images, strict=True):
            order = np.argsort(of_slots.take(len(pool)), kind="stable")
            numbers = of_images.take(len(pool.rows))
            chosen = [self._drawn(pool, int(place), numbers) for place in order]
            labels = np.repeat(np.arange(len(pool)), [*map(len, chosen)])
            places = np.concatenate(chosen)
            mixed = np.argsort(numbers[places], kind="stable")
            episodes.append(
                Episode(
                    classes=pool.classes[order],
                    support=NO_IMAGES,
                    support_labels=NO_IMAGES,
                    query=pool.rows[places[mixed]],
                    query_labels=labels[mixed],
                )
            )
        return arrays_of(episodes)

    def _drawn(self, pool: ClassPool, place: int, numbers: np.ndarray) -> IntArray:
        """The places in the pool's rows of a class's queries: those of its lowest numbers."""
        own = pool.starts[place] + np.arange(pool.sizes[place])
        order = np.argsort(numbers[own], kind="stable")
        return np.asarray(own[order[: None if self.query == "all" else self.query]])
