"""Image data sets of Hugging Face: of the hub, saved on disk, or a folder that it understands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.base import Dataset, splits_by_name
from benchbench.datasets.class_words import are_words
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.folder_splits import attributes_around, class_lists
from benchbench.datasets.huggingface_parts import parts_of_classes
from benchbench.datasets.image_files import names_of
from benchbench.datasets.random_split import TEST_SHARE, VAL_SHARE, check_shares, deal_classes
from benchbench.datasets.reading.conversion import WHITE, colour_of
from benchbench.datasets.reading.file_tree import FileTree, TreeFile
from benchbench.datasets.reading.image_files import ImageFile
from benchbench.datasets.reading.pictures import Pictures
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Seed, Share, Side
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places, expanded


class FoundImages(NamedTuple):
    """classes: the images of each class; homes: the split of each, if there are any.

    unreadable: files that may not be read.
    """

    classes: Mapping[str, Sequence[ImageFile]]
    homes: Mapping[str, Sequence[str]]
    unreadable: Sequence[str] = ()


@dataclass
class HuggingFace(Dataset):
    """Images of Hugging Face, `hf:NAME` of the hub, or `hf:PATH` of a folder on disk.

    source: `cifar100`, `user/name`, or a folder: one that `save_to_disk` wrote, or one that
        `datasets.load_dataset` reads, such as class folders of images or Parquet files.
    image, label: the columns; they may be omitted if there is one `Image` column, and one
        `ClassLabel` column or else one of text, of whole numbers, or of yes and no.
    config, revision: of a name at the hub, as `datasets.load_dataset` takes them.
    hf_split: the splits whose rows are used, joined by `+`; none is all of them. The classes have
        splits of their own; splits that share classes are the parts of these, for `kshot`.
    hf_test: the split that is the test part, if it is not called so.
    size: pixels of the square image that each is resized to (Pillow, bilinear); or `native`, which
        keeps each picture as it is, for a backbone that comes with weights.
    colour: `auto` keeps three channels unless every image is grey; or `grey`, or `rgb`.
    splits: a JSON file {"train": [class names], "val": [...], "test": [...]}; none is a random
        split.
    val, test, seed: the shares of the classes in a random split, and its seed, as in `folder`.
    background: the colour under what is transparent, such as `white`, `black` or `#808080`.
    Of a folder, attributes of the classes are read from its `attributes.csv`, as by `folder`.
    """

    name: ClassVar[str] = "hf"
    argument: ClassVar[str] = "source"
    decoding: ClassVar[int] = 4
    source: str
    image: str | None = None
    label: str | None = None
    config: str | None = None
    hf_split: tuple[str, ...] | None = None
    hf_test: str | None = None
    revision: str | None = None
    size: Side = 84
    colour: Literal["auto", "grey", "rgb"] = "auto"
    splits: str | None = None
    val: Share = VAL_SHARE
    test: Share = TEST_SHARE
    seed: Seed = 0
    background: str = WHITE

    def __post_init__(self) -> None:
        colour_of(self.background)
        if not self.source.strip():
            raise ValueError("needs a name of the hub or a folder")
        if not isinstance(self.size, str) and self.size < 1:
            raise ValueError("size must be at least 1 pixel")
        check_shares(self.val, self.test, self.seed)

    def sources(self, places: Places) -> list[Path]:
        """The folder, as given or below the data root; nothing for a name of the hub."""
        given = self.origin or expanded(self.source)
        found = places.located(given)
        if found is not None and not found.is_dir():
            raise BenchbenchError(f"{found} is a file; name the folder that it is in.")
        if found is not None:
            return [found]
        if self.origin or self.source[0] in "./~" or self.source.count("/") > 1:
            raise BenchbenchError(f"There is no folder {given}.")
        return []

    def pixel_parameters(self) -> dict[str, Any]:
        others = {"splits", "val", "test", "seed", *(["background"] * (self.background == WHITE))}
        return {k: v for k, v in specs.parameters_of(self).items() if k not in others}

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        classes, homes, lost = self._found(sources)
        parts = parts_of_classes(f"hf:{self.source}", homes, self.hf_test, self.remark)
        files = [file for members in classes.values() for file in members]
        pictures = Pictures(files, self.size, self.colour, self.background)

        def load(name: str) -> DecodedClass:
            pixels, readable, unreadable, changes = pictures.decoded(classes[name])
            own = [parts[name][place] for place in readable] if parts else None
            return DecodedClass(name, pixels, unreadable=unreadable, changes=changes, parts=own)

        for name, members in classes.items():
            known = all(isinstance(file, TreeFile) for file in members)
            names = partial(names_of, members) if known else None
            yield PendingClass(name, partial(load, name), names)
        if lost:
            none = np.empty((0, *pictures.shape), np.uint8)
            yield PendingClass("", lambda: DecodedClass("", none, unreadable=lost))

    def _found(self, sources: list[Path]) -> FoundImages:
        """The images of class folders, else of a table of the library."""
        from benchbench.datasets.huggingface_folders import class_folders
        from benchbench.datasets.huggingface_rows import LabelledImages, load

        name = f"hf:{self.source}"
        chosen = (self.config, self.revision, self.image, self.label)
        if sources and not any(chosen):
            found = class_folders(name, sources[0], self.hf_split, self.remark)
            if found is not None:
                return FoundImages(found.classes, found.homes, found.unreadable)
        source = sources[0] if sources else self.source
        rows = load(name, source, self.config, self.revision, self.hf_split, self.remark)
        images = LabelledImages(name, rows, self.image, self.label, self.remark)
        return FoundImages(images.classes(), images.homes())

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        if self.splits is None:
            return deal_classes(len(class_names), self.val, self.test, self.seed)
        file = expanded(self.splits)
        try:
            content = file.read_bytes()
        except OSError as error:
            reason = f"The split file {file} cannot be read: {error.strerror}."
            raise BenchbenchError(reason) from error
        return splits_by_name(class_names, class_lists(content, str(file)))

    def attributes(self, class_names: list[str], sources: list[Path]) -> ClassAttributes | None:
        """Of `attributes.csv` in the folder, as `folder:` reads it; a name of the hub has none."""
        if not sources:
            return None
        return attributes_around(FileTree(sources[0]), class_names, self.remark)

    def names_are_words(self, class_names: list[str]) -> bool:
        """False if most classes are numbers or identifiers, or share their names with others."""
        return are_words(class_names)


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(HuggingFace)
