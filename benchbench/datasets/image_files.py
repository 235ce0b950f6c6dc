"""Which file an image is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np

from benchbench.datasets.base import Dataset
from benchbench.datasets.decoded import PendingClass
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset
from benchbench.datasets.problem import Collection
from benchbench.datasets.reading.file_tree import shown
from benchbench.datasets.reading.image_files import ImageFile
from benchbench.datasets.tables.prepared import prepared_record, sources_and_table, state_changed
from benchbench.errors import BenchbenchError, reason_of
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places

Lists = Mapping[str, Callable[[], Sequence[str]]]
"""By class, what lists the names of its files in the order of their images."""


class ImageFiles:
    """The names of the files that a data set's images are, below its source.

    Nothing is decoded: files are listed again as they were, at the first question, and those that
    could not be read are left out.
    """

    def __init__(
        self, dataset: str | Dataset | Collection, opened: OpenDataset, places: Places
    ) -> None:
        """dataset: what `opened` was opened as."""
        self._dataset, self._opened, self._places = dataset, opened, places

    def names(self, ids: IntArray) -> list[str | None]:
        """The names of the images' files; None where none is known."""
        labels, classes = self._opened.labels, self._opened.class_names
        found: dict[int, str] = {}
        for label in np.unique(labels[ids]).tolist():
            members = np.flatnonzero(labels == label)
            listed = self._listing[0].get(classes[label], list)()
            names = [name for name in listed if name not in self._unreadable]
            if len(names) == len(members):
                found |= dict(zip(members.tolist(), names, strict=True))
        return [found.get(number) for number in ids.tolist()]

    def remark(self, names: Sequence[str | None]) -> str:
        """A sentence on how many of these are not known, and why; empty if all are."""
        if not (unknown := sum(name is None for name in names)):
            return ""
        reason = self._listing[1].rstrip(".")
        return (
            f"{self._opened.name} does not say of {unknown} of {len(names)} images which file each "
            f"is{f' ({reason})' if reason else ''}."
        )

    @cached_property
    def _listing(self) -> tuple[Lists, str]:
        """The lists, and the reason why there are none if that is an error."""
        try:
            return _lists(self._dataset, self._places), ""
        except Exception as error:  # a data set of others may raise any
            return {}, reason_of(error)

    @cached_property
    def _unreadable(self) -> set[str]:
        """The names of unreadable files, behind some of which stands the reason in brackets."""
        names = set(map(shown, self._opened.unreadable))
        return names | {name.rpartition(" (")[0] for name in names}


def names_of(files: Iterable[ImageFile]) -> list[str]:
    """The files' names in their trees, as text."""
    return [shown(file.name) for file in files]


def _lists(dataset: str | Dataset | Collection, places: Places) -> Lists:
    """The lists of a data set's classes; empty if it decodes one in one go, or not from files.

    Raises BenchbenchError if its files are not what was decoded.
    """
    made = create_dataset(dataset) if isinstance(dataset, str) else dataset
    source = made.tested(places) if isinstance(made, Collection) else made
    if source is None:
        return {}
    record = prepared_record(source, places)
    if record is not None and state_changed(record):
        raise BenchbenchError("its files have changed since they were prepared, or are gone")
    lists: dict[str, Callable[[], Sequence[str]]] = {}
    sources, _ = sources_and_table(source, places)
    for item in source.decode(sources) if sources else ():  # else it is drawn, or of a library
        if not isinstance(item, PendingClass):
            return {}
        if item.files is not None:
            lists[item.name] = item.files
    return lists
