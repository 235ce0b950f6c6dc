"""A data set of data sets: learn from one or all of them, test on each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from benchbench.datasets.base import Dataset, OpenDataset
from benchbench.datasets.joint import in_shape, open_one_of_several, stands_for_several
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import loading, specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import Places

FIRST, ALL = "first", "all"


@dataclass
class Multi(Dataset):
    """Several data sets, `multi:A,B,C`: learn from the first, or from all, and test on each.

    Methods are trained once and tested on the test classes of every source, each with the episodes
    that the source has by itself. A training episode is of one source, drawn uniformly.

    A, B, C: specs of data sets. Brackets at the very end are this data set's own parameters: write
    `multi:A,B[seed=1][train=all]`, or `multi:A,B[seed=1][]`, to give one to B.
    train: `first`, `all`, or the source that methods learn from, as the table calls it.
    size: pixels of the square colour images; none is the first source's own size.
    test_source: only this source, as an ordinary data set.
    """

    name: ClassVar[str] = "multi"
    argument: ClassVar[str] = "datasets"
    parameters_hint: ClassVar[str] = (
        "The brackets at the end are those of multi; write A,B[key=value][] to give them to B."
    )
    datasets: str
    train: str = FIRST
    size: int | None = None
    test_source: str = ""

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ValueError("size must be at least 1 pixel")
        if len(specs.split_list(self.datasets)) < 2:
            raise ValueError("needs two data sets or more, as in multi:omniglot,cifar_fs")
        self._members = dict(zip(_labels(self.datasets), self._configured(), strict=True))
        if self.train not in (FIRST, ALL, *self._members):
            raise unknown_name("source", self.train, self._members)
        if self.test_source not in ("", *self._members):
            raise unknown_name("source", self.test_source, self._members)

    def _configured(self) -> Iterable[Dataset]:
        for text in specs.split_list(self.datasets):
            spec = specs.parse(text)
            yield specs.configure(loading.load("dataset", spec.name), spec)

    def test_sources(self, places: Places) -> list[str]:
        if self.test_source:
            return []
        return [specs.text_of(replace(self, test_source=label)) for label in self._members]

    def sources(self, places: Places) -> list[Path]:
        return [path for member in self._members.values() for path in member.sources(places)]

    def open(self, places: Places) -> OpenDataset:
        """The source `test_source`, with what methods learn from as its `training`."""
        if not self.test_source:
            raise stands_for_several(self)
        learnt = {FIRST: list(self._members)[:1], ALL: list(self._members)}
        training = learnt.get(self.train, [self.train])
        return open_one_of_several(self, self._members, training, training, self._pixels(), places)

    def _pixels(self) -> Callable[[Dataset, Places], OpenDataset]:
        """How a member is opened in the common shape."""
        first = next(iter(self._members.values()))

        def opened(member: Dataset, places: Places) -> OpenDataset:
            if parts := member.parts(places):
                text = specs.text_of(member)
                raise BenchbenchError(
                    f"{text} is itself several data sets; name one of them, such as {parts[0]}."
                )
            wanted = self.size or getattr(first, "size", None)
            size = int(wanted or first.open(places).image_shape[0])
            if "size" in specs.parameter_types(type(member)):
                assert dataclasses.is_dataclass(member)
                member = replace(member, size=size)  # resized once, from the original
            return in_shape(member.open(places), size, places.cache)

        return opened


def _labels(datasets: str) -> list[str]:
    """What the sources are called: as their name or file, or by their spec if others are too."""
    texts = specs.split_list(datasets)
    short = []
    for text in texts:
        spec = specs.parse(text)
        short.append(Path(spec.argument).stem if spec.argument else spec.name)
    labels = [
        one if short.count(one) == 1 else text for one, text in zip(short, texts, strict=True)
    ]
    if len(set(labels)) < len(labels):
        raise BenchbenchError(f"multi:{datasets} names a data set twice.")
    return labels


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Multi)
