"""All classes at once: K training images of each, and the official test images as queries."""

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
from benchbench.system.randomness import AddressedStream, Numbers

SUPPORT, QUERY = "train", "test"
"""The parts of a class's images that the support and the queries come from."""


@dataclass
class KShotSampler(Sampler):
    """An episode is one draw of K training images of every class; all test images are queries.

    The data say which of a class's images are official training and test images. The draws of one
    shot are part of those of two.

    shot: K, or `all`, of which there is one draw: linear evaluation.
    """

    name: ClassVar[str] = "kshot"
    usual_episodes: ClassVar[int] = 5
    official_test: ClassVar[bool] = True
    shot: Annotated[int, Bounds(ge=1, of_data=True)] | Literal["all"] = 1

    @property
    def protocol(self) -> str:
        return f"allway-{self.shot}shot-official"

    @property
    def address(self) -> str:
        return "kshot"

    def check(self, pool: ClassPool) -> None:
        if pool.dataset.parts is None:
            raise BenchbenchError(
                f"{pool.dataset.name} does not say which of a class's images are for training and "
                "which for the test, as kshot needs; so do cifar100 and a folder whose train/ and "
                "test/ have the same classes."
            )
        others = len(pool.dataset.class_names) - len(pool)
        if others:
            raise BenchbenchError(
                f"kshot takes all classes, and {others} of the {len(pool.dataset.class_names)} of "
                f"{pool.dataset.name} are not in split '{pool.split}'; a folder has all of them "
                "there by [val=0,test=1]."
            )
        if len(pool) < 2:
            raise BenchbenchError(f"kshot needs two classes and {pool.place} has {len(pool)}.")
        needed = {SUPPORT: 1 if self.shot == "all" else self.shot, QUERY: 1}
        for part, count in needed.items():
            sizes = [len(rows) for rows in _images_of(pool, part)]
            place = int(np.argmin(sizes))
            if sizes[place] < count:
                cure = "; kshot needs images of the parts train and test in every class"
                if sizes[place]:
                    cure = f"; use --shot {sizes[place]} or fewer"
                raise BenchbenchError(
                    f"'{pool.class_name(place)}' in {pool.place} has {sizes[place]} {part} images "
                    f"and {count} {'is' if count == 1 else 'are'} needed{cure}."
                )

    def draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        if self.shot == "all":
            stop = min(stop, 1)
        training, test = _images_of(pool, SUPPORT), _images_of(pool, QUERY)
        sizes = list(map(len, training))
        queries, homes = np.concatenate(test), np.repeat(np.arange(len(pool)), [*map(len, test)])
        # In one order for all episodes, so that whose queries are alike asks alike.
        order = np.argsort(stream.branch("queries").uniform(0, 1, len(queries))[0], kind="stable")
        queries, homes = queries[order], homes[order]
        slots = stream.branch("slots").each(start, stop, len(pool))
        images = stream.branch("images").each(start, stop, sum(sizes))
        episodes = []
        for of_slots, of_images in zip(slots, images, strict=True):
            places = np.argsort(of_slots.take(len(pool)), kind="stable")
            drawn = [self._drawn(rows, of_images) for rows in training]
            chosen = [drawn[place] for place in places]
            slot_of = np.argsort(places, kind="stable")
            episodes.append(
                Episode(
                    classes=pool.classes[places],
                    support=np.concatenate(chosen),
                    support_labels=np.repeat(np.arange(len(pool)), [*map(len, chosen)]),
                    query=queries,
                    query_labels=slot_of[homes],
                )
            )
        return arrays_of(episodes)

    def _drawn(self, rows: IntArray, numbers: Numbers) -> IntArray:
        """The first K of the class's images in a random order that does not depend on K."""
        order = np.argsort(numbers.take(len(rows)), kind="stable")
        return rows[order[: None if self.shot == "all" else self.shot]]


def _images_of(pool: ClassPool, part: str) -> list[IntArray]:
    """The ids of each class's images of this part."""
    assert pool.dataset.parts is not None
    images = [pool.images(position) for position in range(len(pool))]
    return [rows[pool.dataset.parts[rows] == part] for rows in images]


@dataclass
class KShotPreset(KShotSampler):
    """A name for shots of `kshot`, under which nothing is stored."""

    def resolved(self) -> KShotSampler:
        return KShotSampler(self.shot)


@dataclass
class Mieb16Sampler(KShotPreset):
    """`kshot` with 16 shots, as the linear probes of MIEB have; it draws as `kshot` does.

    shot: K, or `all`.
    """

    name: ClassVar[str] = "mieb16"
    shot: Annotated[int, Bounds(ge=1, of_data=True)] | Literal["all"] = 16


@dataclass
class CoOpSampler(KShotPreset):
    """`kshot` with the shots of CoOp: 1, 2, 4, 8 and 16 (Zhou et al., arXiv:2109.01134).

    All five are run unless shots are given; `validation_draws` has the validation images that go
    with them. The draws and their number are those of `kshot`.

    shot: K, or `all`.
    """

    name: ClassVar[str] = "coop"
    usual_shots: ClassVar[tuple[int, ...]] = (1, 2, 4, 8, 16)
