"""The protocol of a data set.

A plug-in subclasses `Dataset` and says how its images are decoded (`decode`) and which classes are
for training, validation and test (`split_classes`). The core keeps the pixels in a memory-mapped
table (`tables`) and serves them as an `OpenDataset`.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.tables.encoded import Thumbnails
from benchbench.datasets.tables.stored import Storage, storage_of
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.framing import Framing, at_own_size, needs_one_size
from benchbench.system.places import Places

SPLITS = ("train", "val", "test")
"""Of classes; also the parts of a class's images, where a data set has an official test set."""


@dataclass
class DecodedClass:
    """One class as `Dataset.decode` hands it over.

    images: uint8 [n, h, w, c], one size for the whole data set; or encoded pictures, such as the
    bytes of PNG files that Pillow can read, which keep their own size.
    parent: the class's place in a hierarchy, from the top, such as its alphabet.
    groups: [n] who or what made each image (a drawer, a track), or None if unknown.
    parts: [n] `train`, `val` or `test`, the official use of each image, or None if there is none.
    unreadable: names of the class's files that could not be decoded.
    changes: how many images were changed beside their size, by what was done with them, such as
    `image(s) turned upright`.
    """

    name: str
    images: NDArray[np.uint8] | Sequence[bytes]
    parent: tuple[str, ...] = ()
    groups: Sequence[str] | None = None
    unreadable: Sequence[str] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    parts: Sequence[str] | None = None


@dataclass(frozen=True)
class PendingClass:
    """A class that `Dataset.decode` announces and that is decoded when its turn comes.

    Interrupted decoding resumes after the last whole class: `load` is then not called for
    those before it.

    files: lists the names of the files of its images in their order, unreadable ones by the names
    that `DecodedClass.unreadable` has for them; None if an image is not a file.
    """

    name: str
    load: Callable[[], DecodedClass]
    files: Callable[[], Sequence[str]] | None = None


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
        generator = np.random.Philox(key=int(self.fingerprint[:32], 16))
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
