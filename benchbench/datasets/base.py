"""The protocol of a data set.

A plug-in subclasses `Dataset` and says how its images are decoded (`decode`) and which classes are
for training, validation and test (`split_classes`). The core keeps the pixels in a memory-mapped
table (`tables`) and serves them as an `OpenDataset`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.open_dataset import FeatureOrigin, OpenDataset
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.places import Places

SPLITS = ("train", "val", "test")
"""Of classes; also the parts of a class's images, where a data set has an official test set."""


class Dataset:
    """A data set that can be opened. Subclass it, as a dataclass if it has parameters."""

    name: ClassVar[str]
    argument: ClassVar[str | None] = None
    """The field that takes the text after the colon, as in `folder:PATH`."""
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    """Who made it, as a reader would look it up."""
    origin: Path | None = None
    """Where `data prepare --from` says that the published files are, in place of the data root."""
    decoding: ClassVar[int] = 1
    """The version of `decode`, to be raised when it makes other images of the same files: they are
    then decoded anew."""
    _remarks: tuple[str, ...] = ()

    def remark(self, sentence: str) -> None:
        """Say what `decode`, before its first class, `split_classes` or `attributes` leaves out.

        The sentence has a count; it is shown, and kept with the data set and the runs on it.
        """
        line = "".join(
            letter if letter.isprintable() else ascii(letter)[1:-1] for letter in sentence
        )
        self._remarks = (*self._remarks, line)

    def taken_remarks(self) -> list[str]:
        """The remarks since this was called last."""
        taken, self._remarks = list(self._remarks), ()
        return taken

    def sources(self, places: Places) -> list[Path]:
        """The files and folders that the images are decoded from; none for a generated data set.

        They are looked at on every opening, and a change in them decodes again. Raises
        BenchbenchError that says what to put where, if they are missing.
        """
        return []

    def expected_counts(self) -> dict[str, int] | None:
        """Images by class name as published; None if nothing is prescribed."""
        return None

    def pixel_parameters(self) -> dict[str, Any]:
        """The parameters that the decoded pixels depend on."""
        return specs.parameters_of(self)

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass | PendingClass]:
        """Decode the images, class by class, in an order that is the same everywhere."""
        raise NotImplementedError

    def split_classes(
        self, class_names: list[str], sources: list[Path]
    ) -> dict[str, NDArray[np.int64]]:
        """Class ids of `train`, `val` and `test`; a split may be empty."""
        raise NotImplementedError

    def names_are_words(self, class_names: list[str]) -> bool:
        """Whether the names say in words what the classes are, as a method of text needs."""
        return True

    def attributes(self, class_names: list[str], sources: list[Path]) -> ClassAttributes | None:
        """What is known of each class in numbers, by the ids of `class_names`; None if nothing is.

        It is asked for on every opening, as `split_classes` is, so that no image is decoded again
        when attributes change.
        """
        return None

    def nodes(self, class_names: list[str]) -> dict[str, list[NDArray[np.int64]]] | None:
        """As `OpenDataset.nodes`; None if the classes' parents say all there is."""
        return None

    def feature_origin(
        self, sources: list[Path], labels: NDArray[np.int64], parts: NDArray[np.str_] | None
    ) -> FeatureOrigin | None:
        """As `OpenDataset.features`, of a data set with these labels and parts."""
        return None

    def fixed_episodes(self, dataset: OpenDataset) -> EpisodeSet | None:
        """The test episodes, if they are prescribed."""
        return None


def splits_by_name(
    class_names: list[str], names: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Class ids of each split from lists of names. Raises BenchbenchError for unknown ones.

    How letters and their accents are composed does not count, nor does a name that recurs.
    """
    composed = {composed_name(name): index for index, name in enumerate(class_names)}
    position = {**composed, **{name: index for index, name in enumerate(class_names)}}
    unknown = sorted(set(names) - set(SPLITS))
    if unknown:
        raise BenchbenchError(f"'{unknown[0]}' is not a split; the splits are {', '.join(SPLITS)}.")
    found = {
        split: [name if name in position else composed_name(name) for name in members]
        for split, members in names.items()
    }
    missing = [name for members in found.values() for name in members if name not in position]
    if missing:
        raise BenchbenchError(
            f"{len(missing)} classes of the split are not in the data set, such as '{missing[0]}'."
        )
    return {
        split: np.array(sorted({position[name] for name in found.get(split, ())}), dtype=np.int64)
        for split in SPLITS
    }


def composed_name(name: str) -> str:
    """A name of which each letter is one character with its accent, as most systems write it."""
    return unicodedata.normalize("NFC", name)
