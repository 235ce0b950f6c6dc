"""All of Meta-Dataset's sources that are here, as the data sets that methods are tested on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchbench.datasets.base import OpenDataset
from benchbench.datasets.joint import open_one_of_several, stands_for_several
from benchbench.datasets.meta_dataset.spec import SOURCES, source_spec
from benchbench.datasets.reading.offline import WouldDecodeError, only_looking
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.places import Places

if TYPE_CHECKING:
    from benchbench.datasets.meta_dataset.dataset import MetaDataset

VALIDATED = "ilsvrc_2012"
"""Whose validation classes alone decide among weights, where methods learn from it (paper, 4.1)."""


def test_specs(dataset: MetaDataset, places: Places) -> list[str]:
    """The specs of the sources that are here, in the order of the paper."""
    return [
        specs.text_of(replace(dataset, test_source=name)) for name in sources_here(dataset, places)
    ]


def members_of(dataset: MetaDataset) -> dict[str, MetaDataset]:
    """Each source by itself, at the size and so on of the whole."""
    return {
        name: replace(dataset, source=name, train=VALIDATED, test_source="") for name in SOURCES
    }


def sources_here(dataset: MetaDataset, places: Places) -> list[str]:
    """The sources whose files are under the data root, or that were prepared as the whole is.

    Nothing is fetched.
    """
    with only_looking():
        return [name for name, one in members_of(dataset).items() if is_here(one, places)]


def is_here(dataset: MetaDataset, places: Places) -> bool:
    """Whether the source's files are there, or it was prepared from where they were."""
    try:
        dataset.sources(places)
    except BenchbenchError:
        return is_prepared(dataset, places)
    return True


def is_prepared(dataset: MetaDataset, places: Places) -> bool:
    """Whether the source can be opened as it was prepared, wherever its files are now."""
    try:
        dataset.open(places)
    except WouldDecodeError:
        return True
    except BenchbenchError:
        return False
    return True


def open_source(dataset: MetaDataset, places: Places) -> OpenDataset:
    """The source `test_source`, with what `train` says as its `training`."""
    training = training_sources(dataset.train, sources_here(dataset, places))
    if not dataset.test_source:
        raise stands_for_several(dataset)
    validated = [VALIDATED] if VALIDATED in training else training
    return open_one_of_several(
        *(dataset, members_of(dataset), training, validated),
        lambda member, at: member.open(at),
        places,
    )


def training_sources(train: str, here: list[str]) -> list[str]:
    """The source that methods learn from, or all those of `here` that have training classes.

    Raises BenchbenchError where none of them is here.
    """
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
