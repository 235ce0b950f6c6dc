"""Which file an image is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from benchbench.datasets.base import Dataset, OpenDataset, PendingClass
from benchbench.datasets.tables.prepared import sources_and_table
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places

if TYPE_CHECKING:
    from benchbench.datasets.reading.file_tree import TreeFile


def files_of(
    dataset: Dataset, opened: OpenDataset, ids: IntArray, places: Places
) -> list[str | None]:
    """The names of the images' files below the data set's source; None where none is known.

    Nothing is decoded: files are listed again as they were, and those that could not be read are
    left out.
    """
    labels = opened.labels[ids]
    lists = _lists(dataset, {opened.class_names[label] for label in np.unique(labels)}, places)
    unreadable = set(opened.unreadable)
    found: dict[int, str] = {}
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(opened.labels == label)
        names = [n for n in lists.get(opened.class_names[label], ()) if n not in unreadable]
        if len(names) == len(members):
            found |= dict(zip(members.tolist(), names, strict=True))
    return [found.get(number) for number in ids.tolist()]


def names_of(files: Iterable[TreeFile]) -> list[str]:
    """The files' names in their trees."""
    return [file.name for file in files]


def _lists(dataset: Dataset, classes: set[str], places: Places) -> dict[str, list[str]]:
    """The names of these classes' files; empty if the data set decodes a class in one go."""
    sources, _ = sources_and_table(dataset, places)
    lists: dict[str, list[str]] = {}
    for item in dataset.decode(sources):
        if not isinstance(item, PendingClass) or item.files is None:
            return {}
        if item.name in classes:
            lists[item.name] = list(item.files())
    return lists
