"""`benchbench data list` and `benchbench data prepare`."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.filesize import decimal

from benchbench.datasets.base import SPLITS, Dataset, OpenDataset
from benchbench.datasets.integrity.checks import check_counts, class_counts, some
from benchbench.datasets.opening import create_dataset, members_of, open_dataset, prepare
from benchbench.datasets.problem import Collection
from benchbench.datasets.reading.offline import WouldDecodeError, WouldDownloadError, only_looking
from benchbench.datasets.tables.prepared import prepared_record
from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points, loading, specs
from benchbench.system.places import Places
from benchbench.system.progress import say

HEADINGS = ("data set", "files", "decoded", "classes", "images", "px", "on disk", "from", "licence")

DIFFERENCES_SHOWN = 5


@dataclass
class Entry:
    """What is known of a data set without touching it; opened: where it is decoded."""

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
                " x ".join(map(str, self.opened.image_shape)),
                size_text(self.opened),
            ]
        return [self.name, self.files, *facts, self.home, self.licence]


def list_command(data_root: Path | None) -> str:
    """A table with a line for each installed data set; nothing is downloaded or decoded."""
    from tabulate import tabulate

    places = Places.find(data_root)
    with only_looking():
        rows = [
            entry.row()
            for name in entry_points.available("dataset")
            for entry in _entries(name, places)
        ]
    table = tabulate(rows, HEADINGS, "plain", disable_numparse=True)
    lines = [line.rstrip() for line in table.splitlines()]
    told = [
        "`benchbench data prepare NAME` says what a missing one needs.",
        f"data root: {places.data_root}",
        f"cache: {places.cache}",
    ]
    return "\n".join([*lines, "", *told, ""])


def _entries(name: str, places: Places) -> Iterator[Entry]:
    try:
        cls = loading.load("dataset", name)
    except BenchbenchError:
        yield Entry(name, "BROKEN", home="see `benchbench doctor`")
        return
    try:
        dataset: Dataset | Collection = specs.configure(cls, specs.Spec(name))
    except BenchbenchError:  # it needs an argument
        argument = str(getattr(cls, "argument", None) or "...").upper()
        yield Entry(f"{name}:{argument}", "yours", getattr(cls, "licence", ""))
        return
    for each in map(create_dataset, members_of(dataset, places)):
        if isinstance(each, Dataset):
            yield _entry(each, places)


def _entry(dataset: Dataset, places: Places) -> Entry:
    """Where the files of one data set are, and the data set itself where it is decoded."""
    entry = Entry(specs.text_of(dataset), "missing", dataset.licence)
    try:
        record = prepared_record(dataset, places)
        sources = dataset.sources(places) if record is None else []
        entry.files = "prepared" if record else "here" if sources else "generated"
        entry.home = record.origin if record else _common(sources)
        entry.opened = open_dataset(dataset, places)
    except WouldDownloadError:
        entry.files = "to fetch"
    except WouldDecodeError:
        pass
    except BenchbenchError as error:
        if entry.files != "missing":
            entry.files, entry.home = "damaged", str(error)
    return entry


def _common(sources: list[Path]) -> str:
    """The one source, or the folder of several."""
    return str(sources[0].parent if len(sources) > 1 else sources[0]) if sources else ""


def size_text(dataset: OpenDataset) -> str:
    """The bytes of the decoded pixels, as a person reads them."""
    return decimal(int(len(dataset.labels) * np.prod(dataset.image_shape)))


def prepare_command(text: str, origin: Path | None, data_root: Path | None) -> int:
    """Decode a data set, or all that it stands for, and print what there is of it.

    Of several, those that are missing are told and harm no other. Raises BenchbenchError where
    none can be prepared.
    """
    places, dataset = Places.find(data_root), create_dataset(text)
    if isinstance(dataset, Dataset):
        if origin is not None:
            _refuse_useless(dataset, places, origin)
        print(facts(dataset, prepare(dataset, places, origin), places))
        return 0
    parts = dataset.members(places)
    if origin is not None:
        raise BenchbenchError(f"--from is for one data set; {text} is {some(parts)}.")
    missing = []
    for spec in parts:
        try:
            each = create_dataset(spec)
            opened = open_dataset(spec, places)
            print(facts(each, opened, places), end="\n\n")
        except BenchbenchError as error:
            say(f"{spec}: {error}")
            missing.append(spec)
    if len(missing) == len(parts):
        raise BenchbenchError(f"None of the {len(parts)} data sets of {text} can be prepared.")
    told = f"; missing: {some(missing)}" if missing else ""
    print(f"{len(parts) - len(missing)} of {len(parts)} data sets prepared{told}")
    return 0


def _refuse_useless(dataset: Dataset, places: Places, origin: Path) -> None:
    """Raise BenchbenchError where the origin is not there or the data set would not look at it."""
    origin = origin.expanduser().absolute()
    if not origin.exists():
        raise BenchbenchError(f"There is no folder or file {origin}, which --from names.")
    without, found = (_found(dataset, places, each) for each in (None, origin))
    inside = any(str(origin) in (path, *map(str, Path(path).parents)) for path in found)
    if without == found and not inside:
        raise BenchbenchError(f"'{dataset.name}' has no use for --from; leave it out.")


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
    """What was prepared, a line each, and where it differs from what was published."""
    height, width, channels = opened.image_shape
    counts = zip(class_counts(opened), SPLITS, strict=True)
    per_class = np.bincount(opened.labels)
    lines = {
        "from": _places(dataset, places) if isinstance(dataset, Dataset) else "",
        "licence": dataset.licence or "not stated",
        "cite": dataset.citation,
        "classes": ", ".join(f"{count} {split}" for count, split in counts),
        "images": f"{len(opened.labels)}, {_span(per_class)} a class",
        "pixels": f"{height} x {width}, {'colour' if channels == 3 else 'grey'}",
        "on disk": size_text(opened),
        "fingerprint": opened.fingerprint,
        "unreadable": _or_none(opened.unreadable),
        "published": _published(dataset, opened),
    }
    shown = [f"  {key:<12} {value}" for key, value in lines.items() if value]
    return "\n".join([opened.name, *shown])


def _places(dataset: Dataset, places: Places) -> str:
    """Where the images of one data set are from: paths, or a name at a hub."""
    record = prepared_record(dataset, places)
    sources = record.sources if record else [str(path) for path in dataset.sources(places)]
    return some(sources) or getattr(dataset, dataset.argument or "", "generated")


def _span(counts: np.ndarray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _or_none(names: list[str]) -> str:
    return f"{len(names)}: {some(names)}" if names else "none"


def _published(dataset: Dataset | Collection, opened: OpenDataset) -> str:
    """What differs from the published counts; nothing where none are."""
    expected = dataset.expected_counts() if isinstance(dataset, Dataset) else None
    if expected is None:
        return ""
    wrong = [f.text for f in check_counts(opened, expected) if f.level == "error"]
    if len(wrong) > DIFFERENCES_SHOWN:
        more = f"and {len(wrong) - DIFFERENCES_SHOWN} more; `data verify --format json` lists all"
        wrong = [*wrong[:DIFFERENCES_SHOWN], more]
    return ("\n" + " " * 15).join(wrong) or "nothing differs"
