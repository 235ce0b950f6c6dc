"""The episodes of the viewer: what was predicted, and thumbnails of the images, each once."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchbench.datasets.image_files import ImageFiles
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.results.attribute_confusion import Presence
from benchbench.results.entries import Entry
from benchbench.results.report.attributes import presence_for
from benchbench.results.report.file_names import FileNames
from benchbench.results.report.predictions import Shown, extent_notes, read_predictions
from benchbench.results.report.wrong_answers import attribute_data, likeliest, method_data
from benchbench.system.places import Places
from benchbench.system.texts import legible

BYTES = 1_600_000
"""For the images of a page; with twenty methods the rest of it takes about half as much."""

SIZES = (56, 40, 28)
"""Pixels of a thumbnail's longer side; a smaller one if not even one episode would fit."""

COLORS = 64


@dataclass
class Viewer:
    """What the page's script shows of one protocol, or the reason why it shows nothing.

    files: as `FileNames.by_image`. attributes: as of `attribute_data`; empty if none are known.
    """

    reason: str = ""
    methods: list[dict[str, Any]] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[int, tuple[int, str | None]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def explains(self) -> bool:
        """Whether there is anything to say of wrong answers."""
        return bool(self.attributes) or any(one.get("top") for one in self.methods)


class Thumbnails:
    """The images of a page, each once; `sources` are the data sets that were opened."""

    def __init__(self, places: Places) -> None:
        self.images: list[str] = []
        self._index: dict[tuple[str, int, int], int] = {}
        self._places = places
        self._sources: dict[str, OpenDataset | str] = {}
        self._files: dict[str, ImageFiles] = {}

    def source(self, entry: Entry) -> OpenDataset | str:
        """The images that the entry was tested on, or a sentence on why they cannot be had."""
        found = self.classes(entry)
        if isinstance(found, str):
            return found
        try:
            found.check_images()
        except BenchbenchError as error:
            return f"The images of {entry.first.dataset} cannot be shown: {error}"
        return found

    def classes(self, entry: Entry) -> OpenDataset | str:
        """The data set that the entry was tested on, be it features, or a sentence on why not."""
        name = entry.first.dataset
        if name not in self._sources:
            try:
                self._sources[name] = open_dataset(name, self._places)
            except (BenchbenchError, OSError) as error:
                reason = " ".join(str(error).split())
                self._sources[name] = f"The images of {name} cannot be shown: {reason}"
        source = self._sources[name]
        if isinstance(source, str) or source.fingerprint == entry.first.identity["fingerprint"]:
            return source
        return (
            f"The images of {name} cannot be shown: the data found here have other pixels than "
            "those of the runs (their fingerprints differ)."
        )

    def files(self, entry: Entry, source: OpenDataset) -> ImageFiles:
        """The files of the source of an entry, which are listed once."""
        name = entry.first.dataset
        return self._files.setdefault(name, ImageFiles(name, source, self._places))

    def add(self, source: OpenDataset, ids: Iterable[int], size: int, room: int) -> int:
        """Add those of the images that the page lacks if there is room; return their bytes."""
        new = sorted({one for one in ids if (source.fingerprint, one, size) not in self._index})
        pixels = source.thumbnails[np.array(new, dtype=np.int64)]
        texts = [thumbnail(image, size) for image in pixels]
        taken = sum(len(text) + 3 for text in texts)
        if taken <= room:
            for one, text in zip(new, texts, strict=True):
                self._index[source.fingerprint, one, size] = len(self.images)
                self.images.append(text)
        return taken

    def index(self, source: OpenDataset, ids: Sequence[int], size: int) -> list[int]:
        return [self._index[source.fingerprint, one, size] for one in ids]


def thumbnail(pixels: NDArray[np.uint8], size: int) -> str:
    """A PNG of at most `size` pixels a side, in base64; colours are reduced to a palette."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] < 3 else pixels[..., :3])
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    if image.mode == "RGB":
        image = image.quantize(COLORS)
    target = io.BytesIO()
    image.save(target, "PNG", optimize=True)
    return base64.b64encode(target.getvalue()).decode("ascii")


def make_viewer(entries: Sequence[Entry], thumbnails: Thumbnails, budget: int) -> Viewer:
    """The viewer of one protocol; its images and the names of their files take at most `budget`
    bytes of the page.
    """
    shown, predicted, notes = _predictions(entries)
    if not shown:
        return Viewer("No run here has stored predictions; a run that is made again has them.")
    source = thumbnails.source(entries[0])
    if isinstance(source, str):
        return Viewer(source)
    known = set(range(len(source.labels)))
    if any(not known.issuperset((*one.support, *one.query)) for one in shown.values()):
        return Viewer("The predictions name images that the data set does not have.")
    places = {number: one.places for number, one in shown.items()}
    thin = {number: one.only(places[number]) for number, one in shown.items()}
    names = FileNames(thumbnails.files(entries[0], source), (one.ids for one in thin.values()))
    size, numbers = _fitting(thin, source, thumbnails, names, budget)
    if not numbers:
        return Viewer("The images of one episode are more than this page can hold.")
    episodes = [
        _episode(number, shown[number], thin[number], source, thumbnails, size)
        for number in numbers
    ]
    shown_places = {number: places[number] for number in numbers}
    methods = _methods(entries, predicted, shown, shown_places, notes)
    ids = sorted(set().union(*(thin[number].ids for number in numbers)))
    notes += [legible(remark) for remark in [names.remark(ids)] if remark]
    notes += extent_notes(numbers, shown, thin)
    files = names.by_image(ids, thumbnails.index(source, ids, size))
    presence = presence_for(entries, source)
    if not isinstance(presence, Presence):
        return Viewer("", methods, episodes, notes, files)
    classes = {one for episode in episodes for one in episode["classes"]}
    return Viewer("", methods, episodes, notes, files, attribute_data(presence, classes))


def _methods(
    entries: Sequence[Entry],
    predicted: Mapping[str, Mapping[int, list[int]]],
    whole: Mapping[int, Shown],
    places: Mapping[int, Sequence[int]],
    notes: list[str],
) -> list[dict[str, Any]]:
    """As `method_data`, on the episodes of `places`; what cannot be shown is added to the notes."""
    paths = {entry.label: entry.first.path for entry in entries}
    methods = []
    for label, of in predicted.items():
        top = likeliest(paths[label], whole)
        if isinstance(top, str):
            notes.append(f"The likeliest classes of {label} are not shown: {top}.")
            top = {}
        here = {number: of_number for number, of_number in places.items() if number in of}
        methods.append(method_data(label, of, whole, here, top))
    return methods


def _predictions(
    entries: Sequence[Entry],
) -> tuple[dict[int, Shown], dict[str, dict[int, list[int]]], list[str]]:
    """The episodes, what was predicted by label and episode, and notes on what is left out."""
    shown: dict[int, Shown] = {}
    predicted, notes = {}, []
    for entry in entries:
        try:
            own, slots = read_predictions(entry.first.path)
        except (ValueError, BenchbenchError):
            own, slots = {}, {}
        if not own:
            notes.append(f"{entry.label} has no stored predictions.")
        elif any(one != shown.get(number, one) for number, one in own.items()):
            notes.append(f"{entry.label} is left out: its predictions are of other episodes.")
        else:
            shown |= own
            predicted[entry.label] = slots
            if len(entry.seeds) > 1:
                notes.append(f"{entry.label}: the predictions are those of seed {entry.seeds[0]}.")
    return shown, predicted, notes


def _fitting(
    shown: dict[int, Shown],
    source: OpenDataset,
    thumbnails: Thumbnails,
    names: FileNames,
    budget: int,
) -> tuple[int, list[int]]:
    """The size of thumbnails and the first episodes whose images fit; the images are added."""
    for size in SIZES:
        numbers: list[int] = []
        left, named = budget, set[int]()
        for number in sorted(shown):
            ids = shown[number].ids
            left -= names.bytes_of(ids - named)
            left -= thumbnails.add(source, ids, size, left)
            if left < 0:
                break
            named |= ids
            numbers.append(number)
        if numbers:
            return size, numbers
    return SIZES[-1], []


def _episode(
    number: int,
    whole: Shown,
    shown: Shown,
    source: OpenDataset,
    thumbnails: Thumbnails,
    size: int,
) -> dict[str, Any]:
    """whole: with all queries, which name the classes and are counted."""
    slots = dict(zip(whole.query_labels, whole.query, strict=True))
    slots |= dict(zip(whole.support_labels, whole.support, strict=True))
    way = max(slots) + 1
    classes = {slot: int(source.labels[image]) for slot, image in slots.items()}
    names = {slot: legible(source.class_names[one]) for slot, one in classes.items()}
    return {
        "number": number,
        "names": [names.get(slot, "") for slot in range(way)],
        "classes": [classes.get(slot, -1) for slot in range(way)],
        "asked": len(whole.query),
        "support": thumbnails.index(source, shown.support, size),
        "support_labels": shown.support_labels,
        "query": thumbnails.index(source, shown.query, size),
        "query_labels": shown.query_labels,
    }
