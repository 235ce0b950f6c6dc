"""A data set of data sets: learn from one or all of them, test on each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from benchbench.datasets.base import Dataset
from benchbench.datasets.joint import in_shape, problems_of
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.datasets.problem import Collection, Problem
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import specs
from benchbench.registry.bounds import Pixels
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.framing import NATIVE, needs_one_size
from benchbench.system.places import Places

FIRST, ALL = "first", "all"
NO_LABELS = {FIRST, ALL, "", "..", "~"}


@dataclass
class Multi(Collection):
    """Several data sets, `multi:A,B,C`: learn from the first, or from all, and test on each.

    Methods are trained once and tested on the test classes of every source, each with the episodes
    that the source has by itself. A training episode is of one source, drawn uniformly.

    A, B, C: specs of data sets. Brackets at the very end are this data set's own parameters: write
        `multi:A,B[seed=1][train=all]`, or `multi:A,B[seed=1][]`, to give one to B.
    train: `first`, `all`, or the source that methods learn from, as the table calls it.
    size: pixels of the square colour images; none is the first source's own size.
    test_source: the only source to test on; all of them by default.
    """

    name: ClassVar[str] = "multi"
    argument: ClassVar[str] = "datasets"
    parameters_hint: ClassVar[str] = (
        "The brackets at the end are those of multi; write A,B[key=value][] to give them to B."
    )
    datasets: str
    train: str = FIRST
    size: Pixels | None = None
    test_source: str = ""

    def __post_init__(self) -> None:
        texts = specs.split_list(self.datasets)
        if len(texts) < 2:
            raise ValueError("needs two data sets or more, as in multi:omniglot,cifar_fs")
        self._members = dict(zip(_labels(texts), map(create_dataset, texts), strict=True))
        if self.train not in (FIRST, ALL, *self._members):
            raise unknown_name("source", self.train, self._members)
        if self.test_source not in ("", *self._members):
            raise unknown_name("source", self.test_source, self._members)

    def members(self, places: Places) -> list[str]:
        return [specs.text_of(replace(self, test_source=label)) for label in self._tested()]

    def problems(self, places: Places) -> list[Problem]:
        learned = {FIRST: list(self._members)[:1], ALL: list(self._members)}
        training = learned.get(self.train, [self.train])
        opened = partial(self._opened, places=places)
        return problems_of(self, self._tested(), training, training, opened)

    def _tested(self) -> list[str]:
        return [self.test_source] if self.test_source else list(self._members)

    def tested(self, places: Places) -> Dataset | None:
        return self._sized(self.test_source, places) if self.test_source else None

    def _opened(self, label: str, places: Places) -> OpenDataset:
        """A member in the common shape."""
        return in_shape(
            open_dataset(self._sized(label, places), places), self._size(places), places.cache
        )

    def _sized(self, label: str, places: Places) -> Dataset:
        """A member, in the common size if it can be: resized once, from the original."""
        member = self._member(label, places)
        if "size" not in specs.parameter_types(type(member)):
            return member
        assert dataclasses.is_dataclass(member)
        return replace(member, size=self._size(places))

    def _member(self, label: str, places: Places) -> Dataset:
        member = self._members[label]
        if isinstance(member, Collection):
            raise BenchbenchError(
                f"{specs.text_of(member)} is itself several data sets; name one of them, "
                f"such as {member.members(places)[0]}."
            )
        return member

    def _size(self, places: Places) -> int:
        """The common side of the images, in pixels."""
        first = self._member(next(iter(self._members)), places)
        wanted = self.size or getattr(first, "size", None)
        if wanted == NATIVE:
            raise BenchbenchError(f"{needs_one_size(specs.text_of(self))}.")
        return int(wanted or open_dataset(first, places).image_shape[0])


def _labels(texts: list[str]) -> list[str]:
    """What the sources are called: as their name or file, or by their spec if that is no name.

    It is none if other sources have it too, or if it means something else.
    """
    parsed = map(specs.parse, texts)
    short = [Path(one.argument).stem if one.argument else one.name for one in parsed]
    labels = [
        one if short.count(one) == 1 and one not in NO_LABELS else text
        for one, text in zip(short, texts, strict=True)
    ]
    if len(set(labels)) < len(labels):
        raise BenchbenchError(f"multi:{','.join(texts)} names a data set twice.")
    return labels


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Multi)
