"""What is here of a data set: files and decoded images, compared with what was published."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.filesize import decimal

from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.integrity.checks import check_counts, class_counts, some
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, members_of, open_dataset
from benchbench.datasets.problem import Collection
from benchbench.datasets.reading.offline import WouldDecodeError, WouldDownloadError, only_looking
from benchbench.datasets.tables.prepared import prepared_record
from benchbench.datasets.tables.stored import paths_of
from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points, loading, specs
from benchbench.system.framing import at_own_size, size_in_words
from benchbench.system.places import Places, expanded

HEADINGS = ("data set", "files", "decoded", "classes", "images", "px", "on disk", "from", "licence")

DIFFERENCES_SHOWN = 5


@dataclass
class DatasetStatus:
    """What is known of a data set without touching it; opened: itself if its images are decoded.

    files: a word of docs/preparing-data.md; home: where they are, or what is wrong with them.
    """

    name: str
    files: str
    licence: str = ""
    home: str = ""
    opened: OpenDataset | None = None

    def row(self) -> list[str]:
        """The columns of `HEADINGS`."""
        facts = ["no" if self.files in ("here", "generated", "prepared") else "", "", "", "", ""]
        if self.opened is not None:
            facts = [
                "yes",
                "/".join(map(str, class_counts(self.opened))),
                str(len(self.opened.labels)),
                pixels_text(self.opened.image_shape),
                size_text(self.opened),
            ]
        return [self.name, self.files, *facts, self.home, self.licence]


def statuses(places: Places) -> list[DatasetStatus]:
    """The status of each installed data set; nothing is downloaded or decoded."""
    with only_looking():
        return [
            status
            for name in entry_points.available("dataset")
            for status in _statuses_of(name, places)
        ]


def _statuses_of(name: str, places: Places) -> Iterator[DatasetStatus]:
    try:
        cls = loading.load("dataset", name)
    except BenchbenchError:
        yield DatasetStatus(name, "BROKEN", home="see `benchbench doctor`")
        return
    try:
        dataset: Dataset | Collection = specs.configure(cls, specs.Spec(name))
    except BenchbenchError:  # it needs an argument
        argument = str(getattr(cls, "argument", None) or "...").upper()
        yield DatasetStatus(f"{name}:{argument}", "yours", getattr(cls, "licence", ""))
        return
    for each in map(create_dataset, members_of(dataset, places)):
        if isinstance(each, Dataset):
            yield _status_of(each, places)


def _status_of(dataset: Dataset, places: Places) -> DatasetStatus:
    status = DatasetStatus(specs.text_of(dataset), "missing", dataset.licence)
    try:
        record = prepared_record(dataset, places)
        sources = dataset.sources(places) if record is None else []
        status.files = "prepared" if record else "here" if sources else "generated"
        status.home = record.origin if record else os.path.commonpath([*map(str, sources)] or [""])
        status.opened = open_dataset(dataset, places)
    except WouldDownloadError:
        status.files = "to fetch"
    except WouldDecodeError:
        pass
    except BenchbenchError as error:
        if status.files != "missing":
            status.files, status.home = "damaged", str(error)
    return status


def size_text(dataset: OpenDataset) -> str:
    """The bytes of the decoded pixels, or of encoded pictures, as a person reads them."""
    if at_own_size(dataset.image_shape):
        return decimal(sum(path.stat().st_size for path in paths_of(dataset.pixels)))
    return decimal(int(len(dataset.labels) * np.prod(dataset.image_shape)))


def pixels_text(image_shape: tuple[int, int, int]) -> str:
    """Height, width and channels, as the list of data sets has them."""
    height, width, channels = image_shape
    size = "own size" if at_own_size(image_shape) else f"{height} x {width}"
    return f"{size} x {channels}"


def check_origin(dataset: Dataset, places: Places, origin: Path) -> None:
    """Raise BenchbenchError if the origin is not there or the data set would not look at it."""
    origin = expanded(origin).absolute()
    if not origin.exists():
        raise BenchbenchError(f"There is no folder or file {origin}, which --from names.")
    without, found = (_found(dataset, places, each) for each in (None, origin))
    inside = any(str(origin) in (path, *map(str, Path(path).parents)) for path in found)
    if without == found and not inside:
        raise BenchbenchError(f"'{dataset.name}' reads no files from another place; drop --from.")


def _found(dataset: Dataset, places: Places, origin: Path | None) -> list[str]:
    """The sources with such an origin, or the complaint that there are none."""
    dataset = copy(dataset)
    dataset.origin = origin
    try:
        with only_looking():
            return [str(path) for path in dataset.sources(places)]
    except BenchbenchError as error:
        return [str(error)]


def facts(dataset: Dataset | Collection, opened: OpenDataset, places: Places) -> str:
    """What was prepared, a line each, and how it differs from what was published."""
    width = opened.image_shape[1]
    counts = zip(class_counts(opened), SPLITS, strict=True)
    per_class, unreadable = np.bincount(opened.labels), opened.unreadable
    lines = {
        "from": _places(dataset, places) if isinstance(dataset, Dataset) else "",
        "licence": dataset.licence or "not stated",
        "cite": dataset.citation,
        "classes": ", ".join(f"{count} {split}" for count, split in counts),
        "images": f"{len(opened.labels)}, {_span(per_class)} a class",
        "parts": _parts(opened),
        **(
            {"features": f"{width} numbers each, float32"}
            if opened.features
            else {"pixels": size_in_words(opened.image_shape)}
        ),
        "attributes": _attributes(opened),
        "on disk": size_text(opened),
        "fingerprint": opened.fingerprint,
        "unreadable": f"{len(unreadable)}: {some(unreadable)}" if unreadable else "none",
        "published": _published(dataset, opened),
        "remarks": ("\n" + " " * 15).join(opened.remarks),
    }
    shown = [f"  {key:<12} {value}" for key, value in lines.items() if value]
    return "\n".join([opened.name, *shown])


def _places(dataset: Dataset, places: Places) -> str:
    """Where the images of one data set are from: paths, or a name at a hub."""
    record = prepared_record(dataset, places)
    sources = record.sources if record else [str(path) for path in dataset.sources(places)]
    return some(sources) or getattr(dataset, dataset.argument or "", "generated")


def _parts(opened: OpenDataset) -> str:
    """How many images are officially for what; nothing if that is not told."""
    counts = Counter(() if opened.parts is None else opened.parts.tolist())
    return ", ".join(f"{counts[part]} {part}" for part in SPLITS if counts[part])


def _attributes(opened: OpenDataset) -> str:
    """How many are known of each class, and the first of them; nothing if there is none."""
    if opened.attributes is None:
        return ""
    names = opened.attributes.names
    return f"{len(names)} of each class: {some(list(names))}"


def _span(counts: np.ndarray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _published(dataset: Dataset | Collection, opened: OpenDataset) -> str:
    """What differs from the published counts; nothing if none are published."""
    expected = dataset.expected_counts() if isinstance(dataset, Dataset) else None
    if expected is None:
        return ""
    wrong = [f.text for f in check_counts(opened, expected) if f.level == "error"]
    if len(wrong) > DIFFERENCES_SHOWN:
        more = f"and {len(wrong) - DIFFERENCES_SHOWN} more; `data verify --format json` lists all"
        wrong = [*wrong[:DIFFERENCES_SHOWN], more]
    return ("\n" + " " * 15).join(wrong) or "nothing differs"
