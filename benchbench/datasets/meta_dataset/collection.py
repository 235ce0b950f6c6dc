"""All of Meta-Dataset's sources that are here, as the data sets that methods are tested on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from benchbench.datasets.joint import problems_of
from benchbench.datasets.meta_dataset.dataset import CITATION, MetaDatasetSource
from benchbench.datasets.meta_dataset.names import canonical
from benchbench.datasets.meta_dataset.resizing import Interpolation
from benchbench.datasets.meta_dataset.spec import SOURCES, source_spec
from benchbench.datasets.opening import open_dataset
from benchbench.datasets.problem import Collection, Problem
from benchbench.datasets.reading.offline import WouldDecodeError, only_looking
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import Places

VALIDATED = "ilsvrc_2012"
"""Its validation classes alone decide among weights if methods learn from it (paper, 4.1)."""


@dataclass
class MetaDataset(Collection):
    """Meta-Dataset: methods learn from one of its sources or from all, and are tested on each.

    The sources that are here count. `meta_dataset:aircraft` is one of them by itself.

    size, interpolation, fraction: those of each source.
    train: what methods learn from: a source, or `all` that have training classes.
    test_source: the only source to test on; all of them by default.
    """

    name: ClassVar[str] = "meta_dataset"
    licence: ClassVar[str] = "that of each source"
    citation: ClassVar[str] = CITATION
    single = MetaDatasetSource
    size: int = 84
    interpolation: Interpolation = "bilinear"
    fraction: float | None = None
    train: str = VALIDATED
    test_source: str = ""

    def __post_init__(self) -> None:
        self.test_source = canonical(self.test_source) if self.test_source else ""
        if self.train != "all":
            self.train = canonical(self.train)
        self._sources = {
            name: MetaDatasetSource(name, self.size, self.interpolation, self.fraction)
            for name in SOURCES
        }

    def members(self, places: Places) -> list[str]:
        tested = [self.test_source] if self.test_source else SOURCES
        return [specs.text_of(self._sources[name]) for name in tested]

    def problems(self, places: Places) -> list[Problem]:
        """A problem for each source that is here, in the order of the paper.

        Raises BenchbenchError if no source that methods are to learn from is here.
        """
        here = self.sources_here(places)
        training = training_sources(self.train, here)
        return problems_of(
            self,
            [self.test_source] if self.test_source else here,
            training,
            [VALIDATED] if VALIDATED in training else training,
            lambda name: open_dataset(self._sources[name], places),
        )

    def sources_here(self, places: Places) -> list[str]:
        """The sources that are under the data root or prepared as these are; nothing is fetched."""
        with only_looking():
            return [name for name, one in self._sources.items() if _is_here(one, places)]


def _is_here(source: MetaDatasetSource, places: Places) -> bool:
    """Whether the source's files are there, or it can be opened as it was prepared."""
    with suppress(BenchbenchError):
        source.sources(places)
        return True
    try:
        open_dataset(source, places)
    except BenchbenchError as error:
        return isinstance(error, WouldDecodeError)
    return True


def training_sources(train: str, here: list[str]) -> list[str]:
    """The source, or all sources, to learn from. Raises BenchbenchError if there is none here."""
    able = [name for name in here if source_spec(name).classes["train"]]
    if not able:
        raise BenchbenchError(
            "No source of Meta-Dataset with training classes is here; bring one by "
            "`benchbench data prepare meta_dataset/SOURCE --from PATH`."
        )
    if train == "all":
        return able
    if train not in able:
        raise BenchbenchError(
            f"Methods are to learn from {train}, which is not here or has no training classes; "
            f"use train=all, or one of {', '.join(able)}."
        )
    return [train]


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(MetaDataset)
