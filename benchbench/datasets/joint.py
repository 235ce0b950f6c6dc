"""Several data sets as one: images of one shape, classes side by side, an episode in one source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchbench.datasets.attributes import joined_attributes
from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.open_dataset import OpenDataset, Pixels
from benchbench.datasets.problem import Collection, Problem
from benchbench.datasets.reading.images import as_array, resize
from benchbench.datasets.tables.cache import decoded_table
from benchbench.datasets.tables.stored import ColourPixels, StackedPixels
from benchbench.errors import BenchbenchError
from benchbench.registry import specs

NO_CLASSES = np.empty(0, np.int64)


@dataclass
class _Resized(Dataset):
    """The decoded images of a data set at another size."""

    name: ClassVar[str] = "resized"
    dataset: OpenDataset
    size: int

    def pixel_parameters(self) -> dict[str, Any]:
        return {"fingerprint": self.dataset.fingerprint, "size": self.size, "by": "bilinear"}

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass | PendingClass]:
        labels = self.dataset.labels
        if np.any(np.diff(labels) < 0):
            raise AssertionError("the images of a table are not in the order of their classes")
        for label, name in enumerate(self.dataset.class_names):
            yield PendingClass(name, lambda label=label, name=name: self._class(label, name))  # type: ignore[misc]

    def _class(self, label: int, name: str) -> DecodedClass:
        images = self.dataset.images(np.flatnonzero(self.dataset.labels == label))
        return DecodedClass(name, np.stack([self._image(image) for image in images]))

    def _image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return as_array(resize(image, self.size, "bilinear"))


def in_shape(dataset: OpenDataset, size: int, cache: Path) -> OpenDataset:
    """The data set with colour images of size x size pixels; itself if they are that already.

    A smaller or larger table is made once, bilinear, and kept in the cache; grey images get equal
    channels as they are read. The fingerprint is another one.
    """
    dataset.check_images()
    dataset.check_one_size("A data set of several")
    shape = dataset.image_shape
    if shape == (size, size, 3):
        return dataset
    pixels: Pixels = dataset.pixels
    if shape[:2] != (size, size):
        pixels = decoded_table(_Resized(dataset, size), [], cache).pixels
    if shape[2] == 1:
        pixels = ColourPixels(pixels)
    digest = hashlib.sha256(f"{dataset.fingerprint} {size} rgb".encode()).hexdigest()
    return replace(dataset, pixels=pixels, fingerprint=digest)


def joined(members: Mapping[str, OpenDataset], validated: Sequence[str]) -> OpenDataset:
    """The training and validation classes of some data sets as one data set without test classes.

    members: by source, all of one image shape. validated: the sources whose validation classes
    count. A class is called `SOURCE/CLASS`. Its `nodes` are by `SPLIT of SOURCE`.
    """
    datasets = list(members.values())
    first_class = np.cumsum([0, *(len(one.class_names) for one in datasets)]).tolist()
    places = dict(zip(members, first_class, strict=False))

    def of(source: str, split: str) -> NDArray[np.int64]:
        return np.asarray(members[source].splits.get(split, NO_CLASSES) + places[source])

    identity = [[source, one.fingerprint] for source, one in members.items()]
    return OpenDataset(
        name=datasets[0].name if len(datasets) == 1 else "several data sets",
        fingerprint=hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
        pixels=StackedPixels([one.pixels for one in datasets]),
        labels=np.concatenate(
            [one.labels + start for one, start in zip(datasets, first_class, strict=False)]
        ),
        class_names=[
            f"{source}/{label}" for source, one in members.items() for label in one.class_names
        ],
        splits={
            "train": np.concatenate([of(source, "train") for source in members]),
            "val": np.concatenate([NO_CLASSES, *(of(source, "val") for source in validated)]),
            "test": NO_CLASSES,
        },
        hierarchy=[
            parents for one in datasets for parents in one.hierarchy or [()] * len(one.class_names)
        ],
        nodes={
            f"{split} of {source}": [node + places[source] for node in nodes]
            for source, one in members.items()
            for split, nodes in (one.nodes or {}).items()
        },
        groups=_grouped(members),
        remarks=[
            f"{source}: {remark}" for source, one in members.items() for remark in one.remarks
        ],
        names_are_words=all(one.names_are_words for one in datasets),
        attributes=joined_attributes([one.attributes for one in datasets]),
        members={
            source: np.arange(len(one.class_names)) + places[source]
            for source, one in members.items()
        },
    )


def _grouped(members: Mapping[str, OpenDataset]) -> NDArray[np.str_] | None:
    """Who or what made each image, distinct between sources; None if a source does not know."""
    groups = [
        [f"{source}/{group}" for group in one.groups]
        for source, one in members.items()
        if one.groups is not None
    ]
    return np.concatenate(groups) if len(groups) == len(members) else None


def problems_of(
    collection: Collection,
    tested: Sequence[str],
    training: Sequence[str],
    validated: Sequence[str],
    opened: Callable[[str], OpenDataset],
) -> list[Problem]:
    """A problem for each of the sources `tested`, all learned from the sources `training`.

    validated: those of the training whose validation classes count. opened: opens a source in the
    common shape. Raises BenchbenchError if a source prescribes its episodes or the training has no
    classes.
    """
    found = {name: opened(name) for name in dict.fromkeys([*tested, *training])}
    for name, one in found.items():
        if one.fixed_episodes is not None:
            raise BenchbenchError(f"{name} prescribes its episodes; run it by itself.")
    learned = {name: found[name] for name in training if len(found[name].splits["train"])}
    if not learned:
        raise BenchbenchError(
            f"{training[0]} has no training classes; choose another source with train=NAME."
            if len(training) == 1
            else f"None of {', '.join(training)} has training classes; add a source that has."
        )
    train = joined(learned, [name for name in validated if name in learned])

    def text(source: str) -> str:
        return specs.text_of(replace(collection, test_source=source))  # type: ignore[type-var]

    return [
        Problem(_only_test(found[name]), train, text(name), collection=text(""), name=name)
        for name in tested
    ]


def _only_test(dataset: OpenDataset) -> OpenDataset:
    """The data set without training and validation classes."""
    splits = {split: dataset.splits.get(split, NO_CLASSES) for split in SPLITS}
    nodes = {"test": dataset.nodes["test"]} if dataset.nodes else None
    return replace(dataset, splits=splits | {"train": NO_CLASSES, "val": NO_CLASSES}, nodes=nodes)
