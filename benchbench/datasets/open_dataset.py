"""A data set that is ready for use: its images, their classes, and the splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.tables.encoded import Thumbnails
from benchbench.datasets.tables.stored import Storage, storage_of
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.system.framing import Framing, at_own_size, needs_one_size

Pixels: TypeAlias = Any
"""A NumPy array, or what reads like one along its first axis: uint8 [n, h, w, c]."""


@dataclass(frozen=True)
class FeatureOrigin:
    """Where features come from that a data set has in place of images.

    drawn_as: the fingerprint of their images, by which episodes are drawn; empty if unknown.
    pretrained_on: what the weights that made them have seen. names_are_words: as of the images'
    data set; None if unknown.
    """

    drawn_as: str = ""
    pretrained_on: tuple[str, ...] = ("unknown",)
    names_are_words: bool | None = None


@dataclass
class OpenDataset:
    """A data set ready for use.

    name: its canonical spec; fingerprint: sha256 of the decoded pixels and labels.
    labels: int64 [n], the class id of each image; class_names, hierarchy: by class id.
    splits: class ids by split name, disjoint; groups: [n] drawer or track keys, or None.
    fixed_episodes: the test episodes, if the data set prescribes them.
    names_are_words: whether a person could tell the classes by their names.
    nodes: by split, the inner nodes of a graph of classes as class ids, if `hierarchy` is not
    enough because a class has several parents.
    members: class ids by source, of a data set that is several in one: an episode never mixes them.
    opaque_ids: int64 [n], the identifier of each image that methods see, if they are not
    `public_ids` of the fingerprint.
    remarks: sentences on what was left out, guessed or changed, such as files that are no images.
    parts: [n] `train`, `val` or `test`, the official use of each image; None if there is none.
    features: where the features come from that it has in the form of images (`system.vectors`);
    None if it has images.
    attributes: what is known of each class in numbers, or None. The fingerprint says nothing of it.
    seen: bool [classes], which are learned from although they are tested on; None if none is.
    """

    name: str
    fingerprint: str
    pixels: Pixels
    labels: NDArray[np.int64]
    class_names: list[str]
    splits: dict[str, NDArray[np.int64]]
    hierarchy: list[tuple[str, ...]] | None = None
    groups: NDArray[np.str_] | None = None
    fixed_episodes: EpisodeSet | None = None
    unreadable: list[str] = field(default_factory=list)
    names_are_words: bool = True
    nodes: dict[str, list[NDArray[np.int64]]] | None = None
    members: dict[str, NDArray[np.int64]] | None = None
    opaque_ids: NDArray[np.int64] | None = None
    remarks: list[str] = field(default_factory=list)
    parts: NDArray[np.str_] | None = None
    features: FeatureOrigin | None = None
    attributes: ClassAttributes | None = None
    seen: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        seen: dict[int, str] = {}
        for split, classes in self.splits.items():
            for class_id in classes.tolist():
                if class_id in seen:
                    raise BenchbenchError(
                        f"{self.name}: class '{self.class_names[class_id]}' is in both "
                        f"'{seen[class_id]}' and '{split}'; each class belongs to one split."
                    )
                seen[class_id] = split
        if self.attributes and len(self.attributes.values) != len(self.class_names):
            raise ValueError(
                f"{self.name}: {len(self.attributes.values)} classes have attributes, and there "
                f"are {len(self.class_names)}"
            )

    @property
    def drawn_as(self) -> str:
        """The fingerprint by which episodes are drawn: of features, that of their images."""
        return (self.features and self.features.drawn_as) or self.fingerprint

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels; height and width are 0 of pictures at their own size."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels

    @property
    def thumbnails(self) -> Pixels:
        """Images to look at and to compare: `pixels`, or squares of pictures at their own size."""
        return Thumbnails(self.pixels) if at_own_size(self.image_shape) else self.pixels

    def check_images(self) -> None:
        """Raise BenchbenchError if there is nothing to look at, as it has features of images."""
        if self.features is not None:
            raise BenchbenchError(f"{self.name} has features and no images to look at.")

    def check_one_size(self, what: str) -> None:
        """Raise BenchbenchError, whose subject is `what`, if pictures are at their own size."""
        if at_own_size(self.image_shape):
            raise BenchbenchError(f"{needs_one_size(what)}.")

    def images(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pixels uint8 [n, h, w, c] of the images with these ids; a fresh array.

        Raises BenchbenchError if they are pictures at their own size.
        """
        return np.asarray(self.pixels[ids])

    def attributes_of(self, classes: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """The attributes float32 [n, a] of these classes; None if nothing is known in numbers."""
        return None if self.attributes is None else self.attributes.values[classes]

    @cached_property
    def storage(self) -> Storage:
        """The images as they are stored, for code that must not learn their classes.

        `storage.pixels[storage.places[ids]]` are `images(ids)`. Of an array in memory it is a copy,
        made at the first use.
        """
        return storage_of(self.pixels)

    @cached_property
    def public_ids(self) -> NDArray[np.int64]:
        """Identifiers that methods see: a permutation that reveals nothing of the class."""
        if self.opaque_ids is not None:
            return self.opaque_ids
        generator = np.random.Philox(key=int(self.fingerprint[:32] or "0", 16))
        return np.argsort(np.argsort(generator.random_raw(len(self.labels)), kind="stable"))

    @property
    def splits_sha256(self) -> str:
        """The hash of which classes belong to which split, and images to which part."""
        return splits_sha256(self.splits, self.parts)

    @property
    def names_sha256(self) -> str:
        """The hash of the classes' names."""
        return hashlib.sha256(json.dumps(self.class_names).encode()).hexdigest()

    def view(self, split: str) -> SplitView:
        """The images of one split, as `Images` read them."""
        return SplitView(self, split)


def splits_sha256(
    splits: Mapping[str, NDArray[np.int64]], parts: NDArray[np.str_] | None = None
) -> str:
    """The hash of which class ids belong to which split, and image ids to which part if to any."""
    members = {split: classes.tolist() for split, classes in splits.items()}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True).encode())
    if parts is not None:
        digest.update(json.dumps(parts.tolist()).encode())
    return digest.hexdigest()


class SplitView:
    """A split as a source of pixels; `rows` are its image ids in ascending order."""

    def __init__(self, dataset: OpenDataset, split: str) -> None:
        self._dataset = dataset
        self.split = split
        self.fingerprint = dataset.fingerprint
        self.public_ids = dataset.public_ids

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        members = np.isin(self._dataset.labels, self._dataset.splits[self.split])
        return np.flatnonzero(members)

    @property
    def own_size(self) -> bool:
        return at_own_size(self._dataset.image_shape)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self._dataset.images(rows)

    def pictures(self, rows: NDArray[np.int64], framing: Framing) -> Iterator[NDArray[np.uint8]]:
        found: Iterator[NDArray[np.uint8]] = self._dataset.pixels.pictures(rows, framing)
        return found
