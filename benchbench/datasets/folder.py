"""A person's own images: one folder, or archive, with a folder per class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchbench.datasets.attributes import ATTRIBUTE_FILE, ClassAttributes
from benchbench.datasets.base import Dataset
from benchbench.datasets.class_layout import laid_out
from benchbench.datasets.class_words import are_words
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.folder_splits import (
    SPLIT_FILE,
    attributes_around,
    class_lists,
    files_around,
    refuse_unread_splits,
    split_files,
    splits_by_list,
    splits_of_folders,
)
from benchbench.datasets.image_files import names_of
from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.random_split import TEST_SHARE, VAL_SHARE, check_shares, deal_classes
from benchbench.datasets.reading.contents import contents_of
from benchbench.datasets.reading.conversion import WHITE, colour_of
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, shown
from benchbench.datasets.reading.pictures import Pictures
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Seed, Share, Side
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places, expanded


@dataclass
class Folder(Dataset):
    """Your own images, `folder:PATH`: a folder, zip or tar with one folder of images per class.

    size: pixels of the square image that each is resized to (Pillow, bilinear); or `native`, which
        keeps each picture as it is, for a backbone that comes with weights.
    colour: `auto` keeps three channels unless every image is grey; or `grey`, or `rgb`.
    split: `file` reads `splits.json` at the top ({"train": [names], "val": [...], "test": [...]});
        `folders` takes the top folders `train`, `val` and `test`, or what people call them; `seed`
        splits the classes at random; `auto` is the first of these three that the data has.
    val, test, seed: the shares of the classes in a random split, and its seed. At least five test
        classes are taken if that leaves half for the rest.
    background: the colour under what is transparent, such as `white`, `black` or `#808080`.
    Attributes of the classes are read from `attributes.csv` beside the class folders, if it is
    there: a heading `class,ATTRIBUTE,...` and a row for each class. Unreadable files are reported
    by name and left out, files that are no images are counted.
    """

    name: ClassVar[str] = "folder"
    argument: ClassVar[str] = "path"
    decoding: ClassVar[int] = 3
    path: str
    size: Side = 84
    colour: Literal["auto", "grey", "rgb"] = "auto"
    split: Literal["auto", "file", "folders", "seed"] = "auto"
    val: Share = VAL_SHARE
    test: Share = TEST_SHARE
    seed: Seed = 0
    background: str = WHITE

    def __post_init__(self) -> None:
        colour_of(self.background)
        if not isinstance(self.size, str) and self.size < 1:
            raise ValueError("size must be at least 1 pixel")
        check_shares(self.val, self.test, self.seed)
        if self.path != shown(self.path):
            raise ValueError(f"the path {shown(self.path)} is not UTF-8; name a link to it")

    def sources(self, places: Places) -> list[Path]:
        """The path as given, else below the data root."""
        if self.origin is not None:
            return [self.origin]
        given = expanded(self.path)
        found = places.located(given)
        if found is None:
            raise BenchbenchError(f"There is no folder or zip file {given}.")
        return [found]

    def pixel_parameters(self) -> dict[str, Any]:
        under = {} if self.background == WHITE else {"background": self.background}
        return {"size": self.size, "colour": self.colour, **under}

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        tree = FileTree(sources[0])
        contents = contents_of(tree)
        with _named(tree):
            layout = laid_out(contents.images)
        read_too = [*split_files(tree)[:1], *files_around(tree, ATTRIBUTE_FILE)[:1]]
        said = [*layout.remarks, *contents.remarks(but=read_too)]
        if not layout.classes:
            raise _without_classes(tree, said, contents.unreadable)
        self._split(list(map(shown, layout.classes)), tree)  # may refuse before all is decoded
        self.taken_remarks()
        for sentence in (*said, *contents.unread_folders()):
            self.remark(sentence)
        classes = {
            name: [TreeFile(tree, file) for file in files] for name, files in layout.classes.items()
        }
        files = [file for members in classes.values() for file in members]
        pictures = Pictures(files, self.size, self.colour, self.background)

        def load(name: str) -> DecodedClass:
            found = pictures.decoded(classes[name])
            label = shown(name)
            parent = tuple(label.split("/")[:-1])
            used = [layout.parts.get(classes[name][place].name) for place in found.readable]
            parts = [part for part in used if part is not None] if layout.parts else None
            changes = found.changes
            return DecodedClass(label, found.images, parent, None, found.unreadable, changes, parts)

        for name in classes:
            names = partial(names_of, classes[name])
            yield PendingClass(shown(name), partial(load, name), names)
        if contents.unreadable:
            none = np.empty((0, *pictures.shape), np.uint8)
            rest = DecodedClass("", none, unreadable=contents.unreadable)
            yield PendingClass(rest.name, lambda: rest)

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        return self._split(class_names, FileTree(sources[0]))

    def _split(self, class_names: list[str], tree: FileTree) -> dict[str, IntArray]:
        files = split_files(tree) if self.split in ("auto", "file") else []
        if files:
            lists = class_lists(tree.read(files[0]), f"{SPLIT_FILE} in {tree.path}")
            return splits_by_list(class_names, lists, self.remark)
        if self.split == "file":
            raise BenchbenchError(f"{tree.path} has no {SPLIT_FILE} at its top.")
        if self.split in ("auto", "folders"):
            with _named(tree):
                refuse_unread_splits(tree)
                found = splits_of_folders(class_names, self.split == "auto", self.remark)
            if found is not None:
                return found
        if self.split == "folders":
            raise BenchbenchError(
                f"{tree.path} has no split folders, such as train and test, of which each has "
                "classes of its own."
            )
        splits = deal_classes(len(class_names), self.val, self.test, self.seed)
        if self.test > 0 and len(splits["test"]) < 2 <= len(class_names):
            what = plural(len(class_names), "class", "classes")
            self.remark(
                f"{what} in all, of which one is for the test, too few for an episode; "
                "[val=0,test=1] tests on all of them."
            )
        return splits

    def attributes(self, class_names: list[str], sources: list[Path]) -> ClassAttributes | None:
        return attributes_around(FileTree(sources[0]), class_names, self.remark)

    def names_are_words(self, class_names: list[str]) -> bool:
        """False if most classes are numbers or identifiers, or share their names with others."""
        return are_words(class_names)


@contextmanager
def _named(tree: FileTree) -> Iterator[None]:
    """Begin the message of an error with the path."""
    try:
        yield
    except BenchbenchError as error:
        raise BenchbenchError(f"{tree.path}: {error}") from error


def _without_classes(tree: FileTree, said: list[str], unreadable: list[str]) -> BenchbenchError:
    """The error for a tree without class folders, with what is there in their place."""
    found = [sentence.rstrip(".") for sentence in said]
    if unreadable:
        found.append(f"{len(unreadable)} may not be read: {some(unreadable)}")
    instead = f" ({'; '.join(found)})" if found else ""
    return BenchbenchError(
        f"{tree.path} has no folder with images; it needs one folder per class{instead}."
    )


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Folder)
