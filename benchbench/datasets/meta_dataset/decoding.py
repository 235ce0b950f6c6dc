"""Decoding a source of Meta-Dataset class by class, in the order of its spec."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.meta_dataset.resizing import prepare
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.images import decode_all
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.progress import say
from benchbench.system.randomness import permutation

DIFFERENCES_SHOWN = 3


@dataclass
class SourceDecoder:
    """Decodes a source's files class by class; size, interpolation: as `prepare` takes them.

    where: the files' place, for messages; share: of each class's images that is kept, in (0, 1].
    """

    spec: SourceSpec
    files: SourceFiles
    where: str
    size: int
    interpolation: str
    share: float
    _differing: list[str] = field(default_factory=list, init=False)

    def classes(self) -> Iterator[PendingClass]:
        """All classes, by class id, named in words. Raises BenchbenchError if some are absent."""
        images = self.files.images
        present = {name for name in images if not isinstance(images, dict) or images[name]}
        absent = [name for name in self.spec.class_names if name not in present]
        if absent:
            raise self._incomplete(absent)
        for name in self.spec.class_names:
            yield PendingClass(self.spec.words[name], partial(self.load, name))

    def load(self, name: str) -> DecodedClass:
        """Decode a class. Raises BenchbenchError if none of its images can be read."""
        references = self.files.images[name]
        order = class_order(self.spec.name, name, len(references), self.share)

        def decode(position: int) -> ByteArray:
            return prepare(self.files.load(references[position]), self.size, self.interpolation)

        images, readable, unreadable = decode_all(decode, order.tolist(), (self.size, self.size, 3))
        if not readable:
            raise self._incomplete([name])
        self._compare(name, len(references))
        groups = self.files.groups[name] if self.files.groups else None
        return DecodedClass(
            name=self.spec.words[name],
            images=images,
            parent=self.spec.parents.get(name, ()),
            groups=None if groups is None else [groups[order[place]] for place in readable],
            unreadable=unreadable,
        )

    def _compare(self, name: str, count: int) -> None:
        """Note a class whose number of images is not as published; report them after the last."""
        published = self.spec.images_per_class[name]
        if count != published:
            self._differing.append(f"{self.spec.words[name]} has {count} of {published}")
        if self._differing and name == self.spec.class_names[-1]:
            shown = ", ".join(self._differing[:DIFFERENCES_SHOWN])
            more = ", ..." if len(self._differing) > DIFFERENCES_SHOWN else ""
            say(
                f"meta_dataset:{self.spec.name}: {len(self._differing)} class(es) differ from the "
                f"published counts: {shown}{more}"
            )

    def _incomplete(self, absent: list[str]) -> BenchbenchError:
        return BenchbenchError(
            f"{self.where} has no readable image of {len(absent)} of the "
            f"{len(self.spec.class_names)} classes of meta_dataset:{self.spec.name}, such as "
            f"'{absent[0]}'; complete or copy it again."
        )


def kept_of(count: int, share: float) -> int:
    """The number of a class's images that are kept: at least one if there is any."""
    return min(count, max(1, round(count * share)))


def class_order(source: str, name: str, count: int, share: float) -> IntArray:
    """The images of a class that are kept, in order; they are always the same ones.

    Those of Traffic Signs are shuffled: neighbours are frames of one film, and Meta-Dataset itself
    once served them in that order (issue 54 of its repository).
    """
    kept, shuffled = kept_of(count, share), source == "traffic_sign"
    if kept == count and not shuffled:
        return np.arange(count)
    key = hashlib.sha256(f"{source}/{name}".encode()).hexdigest()[:32]
    order = permutation(count, key=int(key, 16))[:kept]
    return order if shuffled else np.sort(order)
