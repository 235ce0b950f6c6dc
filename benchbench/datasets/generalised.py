"""Generalised zero-shot: the classes that were learned from are candidates as well."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from benchbench.datasets.base import SPLITS
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.datasets.problem import Collection, Problem
from benchbench.datasets.tables.stored import PermutedPixels
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Bounds
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import BoolArray
from benchbench.system.places import Places
from benchbench.system.randomness import permutation

NO_CLASSES = np.empty(0, np.int64)


@dataclass
class Generalised(Collection):
    """A data set tested on its training and test classes together, `generalised:NAME`.

    Some images of each training class are held out of training and are queries beside those of the
    test classes (Chao et al., ECCV 2016; Xian et al., TPAMI 2019). Metrics `seen_accuracy`,
    `unseen_accuracy` and `harmonic_mean` tell the two kinds of classes apart.

    dataset: its spec. Brackets at the very end are this data set's own parameters.
    held_out: the share of each training class's images that is held out, at least one; where the
        data say which images are official test images, these are.
    """

    name: ClassVar[str] = "generalised"
    argument: ClassVar[str] = "dataset"
    parameters_hint: ClassVar[str] = (
        "The brackets at the end are those of generalised; write NAME[key=value][] to give them to "
        "the data set."
    )
    dataset: str
    held_out: Annotated[float, Bounds(gt=0, lt=1)] = 0.2

    def __post_init__(self) -> None:
        self.test_source = "seen and unseen"  # There is one source.
        if isinstance(create_dataset(self.dataset), Collection):
            raise BenchbenchError(
                f"Seen and unseen classes are of one data set, and {self.dataset} is several; run "
                "generalised:NAME for each of them by itself."
            )

    def members(self, places: Places) -> list[str]:
        return [self.dataset]

    def problems(self, places: Places) -> list[Problem]:
        whole = open_dataset(self.dataset, places)
        text = specs.text_of(self)
        if whole.fixed_episodes is not None:
            raise BenchbenchError(f"{whole.name} prescribes its episodes; run it by itself.")
        if not (len(whole.splits.get("train", ())) and len(whole.splits.get("test", ()))):
            raise BenchbenchError(f"{text} needs training and test classes in {whole.name}.")
        tested = held_out(whole, self.held_out)
        both = np.sort(np.concatenate([whole.splits["train"], whole.splits["test"]]))
        seen = np.isin(np.arange(len(whole.class_names)), whole.splits["train"])
        of_test = tested | np.isin(whole.labels, whole.splits["test"])
        test = _only(whole, of_test, f"{text} test")
        test = replace(test, name=text, splits=_splits(test=both), seen=seen)
        train = _only(whole, ~of_test, f"{text} train")
        return [Problem(test, replace(train, splits=_learned(whole)), text, name=text)]


def held_out(dataset: OpenDataset, share: float) -> BoolArray:
    """Which images of training classes are queries: bool [n]. Each class keeps one to learn from.

    Raises BenchbenchError if a class has too few.
    """
    # Of features those of the images are held out.
    order = permutation(len(dataset.labels), key=int(dataset.drawn_as[:16], 16))
    found = np.zeros(len(dataset.labels), np.bool_)
    for class_id in dataset.splits["train"].tolist():
        own = order[dataset.labels[order] == class_id]
        count = max(1, round(share * len(own)))
        chosen = own[:count] if dataset.parts is None else own[dataset.parts[own] == "test"]
        if not 0 < len(chosen) < len(own):
            raise BenchbenchError(
                f"'{dataset.class_names[class_id]}' of {dataset.name} has {len(own)} images, of "
                f"which {len(chosen)} would be held out; each training class needs some of both."
            )
        found[chosen] = True
    return found


def _only(dataset: OpenDataset, kept: BoolArray, what: str) -> OpenDataset:
    """The data set with some of its images."""
    rows = np.flatnonzero(kept)
    storage = dataset.storage
    text = f"{dataset.fingerprint} {what}"
    features = dataset.features
    return replace(
        dataset,
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        pixels=PermutedPixels(storage.pixels, storage.places[rows]),
        labels=dataset.labels[rows],
        groups=None if dataset.groups is None else dataset.groups[rows],
        parts=None,
        nodes=None,
        opaque_ids=None,
        # These are other images than those of whose fingerprint the features are.
        features=features and replace(features, drawn_as=""),
    )


def _splits(**given: np.ndarray) -> dict[str, np.ndarray]:
    return {split: given.get(split, NO_CLASSES) for split in SPLITS}


def _learned(dataset: OpenDataset) -> dict[str, np.ndarray]:
    return _splits(train=dataset.splits["train"], val=dataset.splits.get("val", NO_CLASSES))


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Generalised)
