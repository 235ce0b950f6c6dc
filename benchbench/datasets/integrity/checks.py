"""Whether a data set is what it should be: findings in the table, the files and the classes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from benchbench.datasets.base import SPLITS
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.split_words import split_named
from benchbench.datasets.tables import encoded
from benchbench.registry.specs import plain
from benchbench.system.arrays import IntArray
from benchbench.system.framing import at_own_size
from benchbench.system.texts import legible

Level = Literal["error", "warning", "note"]

SHOWN = 5  # names that one sentence lists


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (`error`), may be wrong (`warning`) or is good to know (`note`).

    check: table, counts, files, reading, classes, pictures, duplicates, overlap or pretraining.
    text: a sentence; details: the same for a program, such as image ids.
    """

    level: Level
    check: str
    text: str
    details: dict[str, Any] = field(default_factory=dict)


def fingerprint_of(pixels: Any, labels: IntArray) -> str:
    """The fingerprint that decoded pixels uint8 [n, h, w, c] and labels [n] should have.

    Of pictures at their own size it goes over their encoded bytes.
    """
    if at_own_size(pixels.shape[1:]):
        return encoded.fingerprint_of(pixels, labels)
    digest = hashlib.sha256()
    for start in range(0, len(pixels), 1024):
        digest.update(np.ascontiguousarray(pixels[start : start + 1024]).data)
    digest.update(labels.astype("<i8").tobytes())
    digest.update(json.dumps(list(pixels.shape[1:])).encode())
    return digest.hexdigest()


def check_table(dataset: OpenDataset) -> Iterator[Finding]:
    """Whether the cached pixels are those that were decoded."""
    if fingerprint_of(dataset.pixels, dataset.labels) != dataset.fingerprint:
        text = "the decoded images in the cache were altered; delete them and prepare them again."
        yield Finding("error", "table", text)


def counts(dataset: OpenDataset) -> dict[str, int]:
    """Images by class name."""
    images = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    return dict(zip(dataset.class_names, images.tolist(), strict=True))


def class_counts(dataset: OpenDataset) -> list[int]:
    """The numbers of training, validation and test classes."""
    return [len(dataset.splits.get(split, ())) for split in SPLITS]


def check_counts(dataset: OpenDataset, expected: Mapping[str, int] | None) -> Iterator[Finding]:
    """Whether classes and images are those published, and every class has enough for an episode."""
    found = counts(dataset)
    if expected is not None:
        yield from _differences(found, expected)
    small = [name for name, count in found.items() if count < 2]
    if small:
        what = plural(len(small), "class", "classes")
        text = f"{what} with one image only, too few for a support and a query: {some(small)}."
        yield Finding("warning", "counts", text, {"classes": small})


def _differences(found: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[Finding]:
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing:
        what = plural(len(missing), "published class", "published classes")
        yield Finding("error", "counts", f"{what} missing: {some(missing)}.", {"classes": missing})
    if extra:
        what = plural(len(extra), "class", "classes")
        yield Finding(
            "error", "counts", f"{what} not published: {some(extra)}.", {"classes": extra}
        )
    for name, count in found.items():
        published = expected.get(name, count)
        if published != count:
            text = f"'{name}' has {count} images instead of {published}."
            details = {"class": name, "images": count, "published": published}
            yield Finding("error", "counts", text, details)


def check_files(dataset: OpenDataset) -> Iterator[Finding]:
    """Files that could not be decoded."""
    files = dataset.unreadable
    if files:
        what = plural(len(files), "file", "files")
        text = f"{what} that cannot be read, left out: {some(files)}."
        yield Finding("error", "files", text, {"files": list(files)})


def check_remarks(dataset: OpenDataset) -> Iterator[Finding]:
    """What was left out, guessed or changed when the data set was decoded and split."""
    for remark in dataset.remarks:
        yield Finding("note", "reading", remark)


def check_classes(dataset: OpenDataset) -> Iterator[Finding]:
    """Classes, or parents, in two splits by their `plain` name, without a split's top folder."""
    split_of = split_by_class(dataset)
    names = [plain(_bare(name)) for name in dataset.class_names]
    for members in _shared(names, split_of):
        yield _in_several_splits("error", "one class is", dataset, members, split_of)
    if dataset.names_are_words:
        leaves = [plain(name.rpartition("/")[2]) for name in dataset.class_names]
        for members in _shared(leaves, split_of):
            if len({names[member] for member in members}) > 1:
                yield _in_several_splits("warning", "maybe one class", dataset, members, split_of)
    yield from _shared_parents(dataset, split_of)


def _in_several_splits(
    level: Level, what: str, dataset: OpenDataset, members: list[int], split_of: Sequence[str]
) -> Finding:
    classes = [dataset.class_names[member] for member in members]
    listed = some([f"{dataset.class_names[member]} ({split_of[member]})" for member in members])
    text = f"{what} in several splits: {listed}."
    return Finding(level, "classes", text, {"classes": classes})


def _shared_parents(dataset: OpenDataset, split_of: Sequence[str]) -> Iterator[Finding]:
    if dataset.hierarchy is None:
        return
    parents = ["/".join(parent) for parent in dataset.hierarchy]
    shared = [parents[members[0]] for members in _shared(parents, split_of)]
    if shared:
        whole = len({parent for parent in parents if parent})
        text = f"{len(shared)} of {whole} parents have classes in several splits: {some(shared)}."
        yield Finding("warning", "classes", text, {"parents": shared})


def _shared(keys: Sequence[str], split_of: Sequence[str]) -> list[list[int]]:
    """The classes of each key, other than an empty one, that is in several splits."""
    members: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        if key and split_of[index]:
            members.setdefault(key, []).append(index)
    return [group for group in members.values() if len({split_of[index] for index in group}) > 1]


def _bare(name: str) -> str:
    """A class name without the top folder that is its split."""
    top, slash, rest = name.partition("/")
    return rest if slash and split_named(top) else name


def split_by_class(dataset: OpenDataset) -> list[str]:
    """The split of each class, by class id; empty if it is in none."""
    found = [""] * len(dataset.class_names)
    for split, classes in dataset.splits.items():
        for index in classes.tolist():
            found[index] = split
    return found


def plural(count: int, one: str, several: str) -> str:
    """`1 image`, `2 images`."""
    return f"{count} {one if count == 1 else several}"


def some(names: Sequence[str], count: int | None = None) -> str:
    """The first names of a list, as `legible` writes them, and how many more there are."""
    rest = (len(names) if count is None else count) - len(names[:SHOWN])
    return ", ".join(map(legible, names[:SHOWN])) + (f" and {rest} more" if rest > 0 else "")


def levels(findings: Sequence[Finding]) -> Counter[str]:
    """The number of findings of each level."""
    return Counter(finding.level for finding in findings)
