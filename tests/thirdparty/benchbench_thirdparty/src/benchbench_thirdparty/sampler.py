"""A sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchbench import BenchbenchError, Sampler, hookimpl

if TYPE_CHECKING:
    from benchbench.samplers import ClassPool, Stream


@dataclass
class ThirdPartyNeighbours(Sampler):
    """1-shot episodes of classes that follow each other, each with its first images.

    way: how many classes.
    query: how many queries of each.
    """

    name: ClassVar[str] = "thirdparty_neighbours"
    way: int = 3
    query: int = 4

    @property
    def protocol(self) -> str:
        return f"{self.way}neighbours-1shot-{self.query}query"

    def check(self, pool: ClassPool) -> None:
        if len(pool) < self.way or min(pool.sizes) <= self.query:
            raise BenchbenchError(f"{pool.dataset.name} is too small for {self.protocol}.")

    def draw(
        self, pool: ClassPool, stream: Stream, start: int, stop: int
    ) -> dict[str, NDArray[np.int64]]:
        episodes, way, queries = stop - start, self.way, self.way * self.query
        firsts = stream.uniform(start, stop, 1) * (len(pool) - way + 1)
        positions = firsts.astype(np.int64) + np.arange(way)
        images = pool.rows[pool.starts[positions][..., None] + np.arange(1 + self.query)]
        labels = np.arange(way)
        return {
            "classes": pool.classes[positions].reshape(-1),
            "class_counts": np.full(episodes, way),
            "support": images[..., 0].reshape(-1),
            "support_labels": np.tile(labels, episodes),
            "support_counts": np.full(episodes, way),
            "query": images[..., 1:].reshape(-1),
            "query_labels": np.tile(labels.repeat(self.query), episodes),
            "query_counts": np.full(episodes, queries),
        }


@hookimpl
def register_samplers(register: Callable[[type], None]) -> None:
    register(ThirdPartyNeighbours)
