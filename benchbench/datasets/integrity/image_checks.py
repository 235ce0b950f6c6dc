"""Whether each picture of a data set is there once, and not in another data set as well."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.datasets.base import SPLITS
from benchbench.datasets.integrity.checks import Finding, Level, plural, some, split_by_class
from benchbench.datasets.integrity.duplicates import Pairs, Scan, find_duplicates
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.registry.specs import plain
from benchbench.system.arrays import BoolArray, IntArray


class Captions:
    """Images as a person finds them: the number in the class, from 0, and the split or the part.

    use_of: [n] as `uses`.
    """

    def __init__(self, dataset: OpenDataset) -> None:
        self._dataset = dataset
        self.use_of = uses(dataset)
        self._of_part = " part" if parts_count(dataset) else ""
        self._numbers = pd.Series(dataset.labels).groupby(dataset.labels).cumcount().to_numpy()

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, image: int) -> str:
        name = self._dataset.class_names[int(self._dataset.labels[image])]
        use = f" ({self.use_of[image]}{self._of_part})" if self.use_of[image] else ""
        return f"image {self._numbers[image]} of '{name}'{use}"


def parts_count(dataset: OpenDataset) -> bool:
    """Whether images are tested by their official parts: all classes are then in one split.

    In other splits, which share no class, a test image is any of a test class.
    """
    sizes = [len(classes) for classes in dataset.splits.values()]
    return dataset.parts is not None and len(dataset.class_names) in sizes


def uses(dataset: OpenDataset) -> NDArray[np.str_]:
    """What each image is for, [n]: its part if `parts_count`, else the split of its class.

    It is empty if the class is in no split.
    """
    if dataset.parts is not None and parts_count(dataset):
        return dataset.parts
    return np.array(split_by_class(dataset), dtype=np.str_)[dataset.labels]


def use_numbers(dataset: OpenDataset) -> IntArray:
    """A number for each use, [n]; -1 if an image is for nothing."""
    used = uses(dataset)
    numbers = np.unique(used, return_inverse=True)[1].astype(np.int64)
    numbers[used == ""] = -1
    return numbers


def check_pictures(dataset: OpenDataset, scanned: Scan) -> Iterator[Finding]:
    """Pictures of one colour, and grey ones among coloured ones."""
    constant = np.flatnonzero(scanned.constant).tolist()
    if constant:
        captions = Captions(dataset)
        named = some([captions[index] for index in constant])
        text = f"{plural(len(constant), 'image', 'images')} of one colour all over: {named}."
        yield Finding("warning", "pictures", text, {"images": constant})
    grey = np.flatnonzero(scanned.grey & ~scanned.constant)
    if 0 < len(grey) < int((~scanned.constant).sum()):
        what = plural(len(grey), "grey image", "grey images")
        text = f"{what} among {len(scanned.grey)} with three channels."
        yield Finding("note", "pictures", text, {"images": grey.tolist()})


def check_duplicates(
    dataset: OpenDataset, scanned: Scan, distance: int, correlation: float
) -> Iterator[Finding]:
    """Pictures that are there twice: across splits, across parts, across classes, or in a class."""
    groups = use_numbers(dataset)
    pairs = find_duplicates([dataset.thumbnails], [scanned], distance, correlation, groups)
    captions = Captions(dataset)
    left, right = dataset.labels[pairs.left], dataset.labels[pairs.right]
    leak = groups[pairs.left] != groups[pairs.right]
    if by_part := parts_count(dataset):
        yield from _copies_of_test_images(scanned, pairs, captions)
    kind = "parts" if by_part else "splits"
    for index in np.flatnonzero(leak).tolist():
        yield _pair(pairs, index, (captions, captions), "error", f"one picture in two {kind}")
    for index in np.flatnonzero(~leak & (left != right)).tolist():
        yield _pair(pairs, index, (captions, captions), "warning", "one picture with two labels")
    yield from _inside(pairs, ~leak & (left == right), captions)
    if not pairs.complete:
        text = "too many near pairs; those beyond the first million were not looked at."
        yield Finding("warning", "duplicates", text)


def _copies_of_test_images(scanned: Scan, pairs: Pairs, captions: Captions) -> Iterator[Finding]:
    """How many images of the test part, of how many, are in another part as well.

    A picture that is there several times has one of its images in `pairs`; all of them count.
    """
    _, pictures = np.unique(scanned.digests, return_inverse=True)
    left, right = pictures[pairs.left], pictures[pairs.right]
    tested = captions.use_of == "test"
    for part in ("train", "val"):
        equal = np.zeros(len(pictures), bool)
        equal[pictures[captions.use_of == part]] = True
        alike = equal.copy()
        alike[left[equal[right]]] = alike[right[equal[left]]] = True
        asked = pictures[tested & ~scanned.constant]
        copies, exact = int(alike[asked].sum()), int(equal[asked].sum())
        if copies:
            what = plural(int(tested.sum()), "test image", "test images")
            verb = "is" if copies == 1 else "are"
            text = f"{copies} of {what} {verb} in the {part} part as well ({exact} bit by bit)."
            details = {"part": part, "copies": copies, "exact": exact}
            yield Finding("error", "duplicates", text, details)


def _inside(pairs: Pairs, inside: BoolArray, captions: Captions) -> Iterator[Finding]:
    """The pairs inside a class, together."""
    ids = np.stack([pairs.left, pairs.right], axis=1)[inside].tolist()
    if ids:
        equal = int(pairs.exact[inside].sum())
        what = plural(len(ids), "picture is", "pictures are")
        example = f"{captions[ids[0][0]]} and {captions[ids[0][1]]}"
        text = f"{what} twice in a class ({equal} bit by bit), such as {example}."
        yield Finding("note", "duplicates", text, {"pairs": ids})


def check_overlap(
    dataset: OpenDataset,
    other: OpenDataset,
    scans: tuple[Scan, Scan],
    distance: int,
    correlation: float,
    called: str = "",
) -> Iterator[Finding]:
    """Pictures and class names that the data set shares with another one.

    A shared picture is an error if this data set validates or tests on it. On either side, classes
    that are in no split do not count. called: the other one in messages, by default its name.
    """
    called = called or other.name
    groups = np.concatenate([use_numbers(dataset), use_numbers(other)])
    tables = [dataset.thumbnails, other.thumbnails]
    pairs = find_duplicates(tables, scans, distance, correlation, groups)
    both = Captions(dataset), Captions(other)
    held_out = np.isin(both[0].use_of[pairs.left], ("val", "test"))
    for index in np.flatnonzero(held_out).tolist():
        yield _pair(pairs, index, both, "error", f"one picture also in {called}")
    rest = int((~held_out).sum())
    if rest:
        what = plural(rest, "picture that is for training is", "pictures that are for training are")
        yield Finding("note", "overlap", f"{what} in {called} as well.")
    yield from _shared_names(dataset, other, called)


def _shared_names(dataset: OpenDataset, other: OpenDataset, called: str) -> Iterator[Finding]:
    if not (dataset.names_are_words and other.names_are_words):
        return
    theirs = zip(other.class_names, split_by_class(other), strict=True)
    known = {plain(name.rpartition("/")[2]) for name, home in theirs if home}
    split_of = split_by_class(dataset)
    for split in SPLITS:
        shared = [
            name
            for name, home in zip(dataset.class_names, split_of, strict=True)
            if home == split and plain(name.rpartition("/")[2]) in known
        ]
        if shared:
            what = plural(len(shared), f"{split} class has", f"{split} classes have")
            text = f"{what} the name of a class of {called}: {some(shared)}."
            level: Level = "note" if split == "train" else "warning"
            yield Finding(level, "overlap", text, {"split": split, "classes": shared})


def _pair(
    pairs: Pairs, index: int, captions: tuple[Captions, Captions], level: Level, what: str
) -> Finding:
    """The finding on one pair; if there are two data sets, the ids of each begin at 0."""
    left, right = int(pairs.left[index]), int(pairs.right[index])
    between = captions[0] is not captions[1]
    right -= len(captions[0]) if between else 0
    exact, correlation = bool(pairs.exact[index]), float(pairs.correlation[index])
    how, rest = ("equals", "") if exact else ("is nearly", f", r = {correlation:.3f}")
    text = f"{what}: {captions[0][left]} {how} {captions[1][right]}{rest}."
    details = {"images": [left, right], "exact": exact, "correlation": round(correlation, 6)}
    return Finding(level, "overlap" if between else "duplicates", text, details)
