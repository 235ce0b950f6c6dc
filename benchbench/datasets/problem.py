"""What methods learn from and are tested on: one data set, or several under one name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from benchbench.datasets.base import Dataset
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.system.places import Places


@dataclass(frozen=True)
class Problem:
    """What a method learns from and what it is tested on.

    test: only its test classes count. train: its training and validation classes are learned from;
    the same object as `test` unless methods learn from other data. spec: names this problem alone.
    collection: the spec under which several problems are reported together, or nothing. name: what
    `test` is called in that collection.
    """

    test: OpenDataset
    train: OpenDataset
    spec: str
    collection: str = ""
    name: str = ""

    @classmethod
    def of(cls, dataset: OpenDataset) -> Problem:
        """The problem of a data set that is both learned from and tested on."""
        return cls(dataset, dataset, dataset.name, name=dataset.name)


class Collection:
    """Several data sets under one name; methods are tested on each in turn.

    Subclass it as a dataclass whose field `test_source` names the one data set to test on, or is
    empty if all of them are meant.
    """

    name: ClassVar[str]
    argument: ClassVar[str | None] = None
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    single: ClassVar[type[Dataset] | None] = None
    """The class of a spec that names one data set, such as `meta_dataset:aircraft`."""
    test_source: str

    def members(self, places: Places) -> list[str]:
        """The specs of the data sets, missing ones too; they are prepared and verified singly."""
        raise NotImplementedError

    def problems(self, places: Places) -> list[Problem]:
        """The problems of the data sets that are here. Raises BenchbenchError if there is none."""
        raise NotImplementedError

    def tested(self, places: Places) -> Dataset | None:
        """The data set of `test_source`, whose images have the same ids; None if it is unknown."""
        return None
