"""Features in a file as a data set: methods with a frozen backbone run on it without an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.attributes import ClassAttributes, remark_on_equal
from benchbench.datasets.base import Dataset
from benchbench.datasets.class_words import are_words
from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.feature_file import ClassFacts, FeatureFile
from benchbench.datasets.feature_formats import format_of
from benchbench.datasets.open_dataset import FeatureOrigin
from benchbench.errors import BenchbenchError
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places, expanded
from benchbench.system.vectors import as_images


@dataclass
class FeaturesOfFile(Dataset):
    """Features that were computed before, `features:FILE`: .npz, .parquet or .safetensors.

    The file has `features` [n, d] and `labels` [n], and may have `class_names`, the `splits` and
    `attributes` of the classes, and `parts` and `groups` of the images. `benchbench features
    export` writes one, of which the same episodes are drawn as of the images. Methods take it with
    backbone=features.
    """

    name: ClassVar[str] = "features"
    argument: ClassVar[str] = "path"
    path: str

    def sources(self, places: Places) -> list[Path]:
        """The file as given, else below the data root."""
        given = self.origin or expanded(self.path)
        found = places.located(given)
        if found is None or not found.is_file():
            raise BenchbenchError(
                f"There is no file {given}; `benchbench features export` writes one."
            )
        format_of(found)
        return [found]

    def pixel_parameters(self) -> dict[str, Any]:
        return {}

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        file = FeatureFile.load(sources[0])
        if file.features.dtype != np.float32:
            self.remark(
                f"{len(file.features)} features are {file.features.dtype.name} in the file, and "
                "read as float32"
            )
        order = np.argsort(file.labels, kind="stable")
        ends = np.cumsum(np.bincount(file.labels))
        parents = file.header.get("hierarchy") or [()] * len(ends)
        known = {(*above, name) for above, name in zip(parents, file.class_names, strict=True)}
        if same := len(ends) - len(known):
            self.remark(
                f"{same} of the {len(ends)} classes have the name of another one, from which "
                "tables by class do not tell them"
            )
        for number, rows in enumerate(np.split(order, ends[:-1])):
            yield DecodedClass(
                file.class_names[number],
                as_images(file.features[rows]),
                tuple(parents[number]),
                groups=file.groups and [file.groups[row] for row in rows],
                parts=file.parts and [file.parts[row] for row in rows],
            )

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        facts = ClassFacts.of(sources[0], len(class_names))
        if facts.splits is None:
            self.remark(f"the file has no splits; all {len(class_names)} classes are for the test")
        return facts.split_classes(len(class_names))

    def feature_origin(
        self, sources: list[Path], labels: IntArray, parts: NDArray[np.str_] | None
    ) -> FeatureOrigin:
        facts = ClassFacts.of(sources[0], int(labels.max()) + 1)
        return facts.origin(labels, parts)

    def attributes(self, class_names: list[str], sources: list[Path]) -> ClassAttributes | None:
        found = ClassFacts.of(sources[0], len(class_names)).attributes
        if found is not None:
            remark_on_equal(found, "the file", self.remark)
        return found

    def names_are_words(self, class_names: list[str]) -> bool:
        return are_words(class_names)


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(FeaturesOfFile)
