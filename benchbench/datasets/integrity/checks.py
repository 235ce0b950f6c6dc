"""Whether a data set is what it should be: findings in the table, the files and the classes."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.base import SPLITS, OpenDataset

Level = Literal["error", "warning", "note"]

SHOWN = 5
"""Names that one sentence lists."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (`error`), may be wrong (`warning`) or is good to know (`note`).

    check: what looked: table, counts, files, classes, pictures, duplicates, overlap, pretraining.
    text: a sentence; details: what a program would ask for, such as image ids.
    """

    level: Level
    check: str
    text: str
    details: dict[str, Any] = field(default_factory=dict)


def fingerprint_of(pixels: Any, labels: NDArray[np.int64]) -> str:
    """The fingerprint that decoded pixels uint8 [n, h, w, c] and labels [n] should have."""
    digest = hashlib.sha256()
    for start in range(0, len(pixels), 1024):
        digest.update(np.ascontiguousarray(pixels[start : start + 1024]).data)
    digest.update(labels.astype("<i8").tobytes())
    digest.update(json.dumps(list(pixels.shape[1:])).encode())
    return digest.hexdigest()


def check_table(dataset: OpenDataset) -> Iterator[Finding]:
    """Whether the cached pixels are those that were decoded."""
    if fingerprint_of(dataset.pixels, dataset.labels) != dataset.fingerprint:
        yield Finding(
            "error",
            "table",
            "the decoded images in the cache were altered; delete them and prepare them again.",
        )


def counts(dataset: OpenDataset) -> dict[str, int]:
    """Images by class name."""
    images = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    return dict(zip(dataset.class_names, images.tolist(), strict=True))


def class_counts(dataset: OpenDataset) -> list[int]:
    """How many classes are for training, validation and test."""
    return [len(dataset.splits.get(split, ())) for split in SPLITS]


def check_counts(dataset: OpenDataset, expected: Mapping[str, int] | None) -> Iterator[Finding]:
    """Classes and images against what was published, and classes too small for an episode."""
    found = counts(dataset)
    if expected is not None:
        yield from _differences(found, expected)
    small = [name for name, count in found.items() if count < 2]
    if small:
        yield Finding(
            "warning",
            "counts",
            f"{plural(len(small), 'class', 'classes')} with one image only, too few for a support "
            f"and a query: {some(small)}.",
            {"classes": small},
        )


def _differences(found: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[Finding]:
    missing = [name for name in expected if name not in found]
    further = [name for name in found if name not in expected]
    if missing:
        text = f"{plural(len(missing), 'published class', 'published classes')} missing: "
        yield Finding("error", "counts", f"{text}{some(missing)}.", {"classes": missing})
    if further:
        text = f"{plural(len(further), 'class', 'classes')} not published: "
        yield Finding("error", "counts", f"{text}{some(further)}.", {"classes": further})
    for name, count in found.items():
        if expected.get(name, count) != count:
            yield Finding(
                "error",
                "counts",
                f"'{name}' has {count} images in place of {expected[name]}.",
                {"class": name, "images": count, "published": expected[name]},
            )


def check_files(dataset: OpenDataset) -> Iterator[Finding]:
    """Files that could not be decoded."""
    files = dataset.unreadable
    if files:
        text = (
            f"{plural(len(files), 'file', 'files')} that cannot be read, left out: {some(files)}."
        )
        yield Finding("error", "files", text, {"files": list(files)})


def check_classes(dataset: OpenDataset) -> Iterator[Finding]:
    """Classes, or their parents, that are in two splits by name.

    Letters and digits count, case and punctuation do not, nor does a top folder named for a split.
    """
    split_of = split_by_class(dataset)
    names = [_bare(name) for name in dataset.class_names]
    for members in _shared([plain(name) for name in names], split_of):
        yield Finding(
            "error",
            "classes",
            f"one class is in several splits: {_listed(dataset, members, split_of)}.",
            {"classes": [dataset.class_names[member] for member in members]},
        )
    if dataset.names_are_words:
        leaves = [plain(name.rpartition("/")[2]) for name in names]
        for members in _shared(leaves, split_of):
            if len({plain(names[member]) for member in members}) > 1:
                yield Finding(
                    "warning",
                    "classes",
                    f"maybe one class in several splits: {_listed(dataset, members, split_of)}.",
                    {"classes": [dataset.class_names[member] for member in members]},
                )
    yield from _shared_parents(dataset, split_of)


def _shared_parents(dataset: OpenDataset, split_of: Sequence[str]) -> Iterator[Finding]:
    if dataset.hierarchy is None:
        return
    parents = ["/".join(parent) for parent in dataset.hierarchy]
    shared = [parents[members[0]] for members in _shared(parents, split_of)]
    if shared:
        whole = len({parent for parent in parents if parent})
        yield Finding(
            "warning",
            "classes",
            f"{len(shared)} of {whole} parents have classes in several splits: {some(shared)}.",
            {"parents": shared},
        )


def _shared(keys: Sequence[str], split_of: Sequence[str]) -> list[list[int]]:
    """The classes of each key, other than an empty one, that is in several splits."""
    members: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        if key and split_of[index]:
            members.setdefault(key, []).append(index)
    return [group for group in members.values() if len({split_of[index] for index in group}) > 1]


def _listed(dataset: OpenDataset, members: Sequence[int], split_of: Sequence[str]) -> str:
    return some([f"{dataset.class_names[member]} ({split_of[member]})" for member in members])


def _bare(name: str) -> str:
    """A class name without the top folder that is its split."""
    top, slash, rest = name.partition("/")
    return rest if slash and top in SPLITS else name


def plain(name: str) -> str:
    """Its letters and digits in lower case."""
    return re.sub(r"[\W_]+", "", name.casefold())


def split_by_class(dataset: OpenDataset) -> list[str]:
    """The split of each class, by class id; empty where it is in none."""
    found = [""] * len(dataset.class_names)
    for split, classes in dataset.splits.items():
        for index in classes.tolist():
            found[index] = split
    return found


def plural(count: int, one: str, several: str) -> str:
    """`1 image`, `2 images`."""
    return f"{count} {one if count == 1 else several}"


def some(names: Sequence[str], count: int | None = None) -> str:
    """The first names of a list, and how many more there are."""
    rest = (len(names) if count is None else count) - len(names[:SHOWN])
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def levels(findings: Sequence[Finding]) -> Counter[str]:
    """How many findings there are of each level."""
    return Counter(finding.level for finding in findings)
