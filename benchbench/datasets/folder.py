"""A person's own images: one folder, or archive, with a folder per class."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from benchbench.datasets.base import SPLITS, Dataset, DecodedClass, PendingClass, splits_by_name
from benchbench.datasets.image_files import names_of
from benchbench.datasets.random_split import TEST_SHARE, VAL_SHARE, check_shares, deal_classes
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.images import decode_all, decode_image, is_grey, mode_for
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Pixels, Seed, Share
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places, expanded

SPLIT_FILE = "splits.json"
WORD = re.compile(r"[^\W\d_]{2}|[^\W\d_\x00-\x7f]")
"""Two letters in a row, or one of a script in which one letter may be a word."""


@dataclass
class Folder(Dataset):
    """Your own images, `folder:PATH`: a folder, zip or tar with one folder of images per class.

    size: pixels of the square image that each is resized to (Pillow, bilinear).
    colour: `auto` keeps three channels unless every image is grey; or `grey`, or `rgb`.
    split: `file` reads `splits.json` at the top ({"train": [names], "val": [...], "test": [...]});
        `folders` takes the top folders `train`, `val` and `test`; `seed` splits the classes at
        random; `auto` is the first of these three that the data has.
    val, test, seed: the shares of the classes in a random split, and its seed. At least five test
        classes are taken if that leaves half for the rest.
    Unreadable files are reported by name and left out.
    """

    name: ClassVar[str] = "folder"
    argument: ClassVar[str] = "path"
    path: str
    size: Pixels = 84
    colour: Literal["auto", "grey", "rgb"] = "auto"
    split: Literal["auto", "file", "folders", "seed"] = "auto"
    val: Share = VAL_SHARE
    test: Share = TEST_SHARE
    seed: Seed = 0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size must be at least 1 pixel")
        check_shares(self.val, self.test, self.seed)

    def sources(self, places: Places) -> list[Path]:
        """The path as given, else below the data root."""
        if self.origin is not None:
            return [self.origin]
        given = expanded(self.path)
        for candidate in (given.absolute(), places.data_root / given):
            if candidate.exists():
                return [candidate]
        raise BenchbenchError(f"There is no folder or zip file {given}.")

    def pixel_parameters(self) -> dict[str, Any]:
        return {"size": self.size, "colour": self.colour}

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        tree = FileTree(sources[0])
        top = _top(tree)
        classes = tree.images_by(lambda name: name.removeprefix(top).rpartition("/")[0])
        if not classes:
            raise BenchbenchError(
                f"{tree.path} has no folder with images; it needs one folder per class."
            )
        files = [file for members in classes.values() for file in members]
        mode = mode_for(self.colour, is_grey, files)
        shape = (self.size, self.size, len(mode))
        decode = partial(decode_image, size=self.size, mode=mode)

        def load(name: str) -> DecodedClass:
            images, _, unreadable = decode_all(decode, classes[name], shape)
            return DecodedClass(name, images, tuple(name.split("/")[:-1]), None, unreadable)

        for name in classes:
            yield PendingClass(name, partial(load, name), partial(names_of, classes[name]))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        how = self.split
        if how in ("auto", "file"):
            tree = FileTree(sources[0])
            file = _top(tree) + SPLIT_FILE
            if file in tree.names:
                lists = class_lists(tree.read(file), f"{SPLIT_FILE} in {tree.path}")
                return splits_by_name(class_names, lists)
        if how == "file":
            raise BenchbenchError(f"{sources[0]} has no {SPLIT_FILE} at its top.")
        below = {
            split: [name for name in class_names if name.startswith(f"{split}/")]
            for split in SPLITS
        }
        if how == "folders" or (
            how == "auto" and sum(map(len, below.values())) == len(class_names)
        ):
            _refuse_shared_classes(below)
            return splits_by_name(class_names, below)
        return deal_classes(len(class_names), self.val, self.test, self.seed)

    def names_are_words(self, class_names: list[str]) -> bool:
        """False if every class is a number or an identifier such as n01532829."""
        return are_words(class_names)


def are_words(class_names: Iterable[str]) -> bool:
    """Whether any class is more than a number or an identifier such as n01532829."""
    return any(WORD.search(name.rpartition("/")[2]) for name in class_names)


def class_lists(content: str | bytes, name: str) -> dict[str, list[str]]:
    """Class names by split from JSON. Raises BenchbenchError if it is something else."""
    try:
        lists = json.loads(content)
        if any(isinstance(names, str) for names in lists.values()):
            raise TypeError(name)
        return {split: [str(item) for item in names] for split, names in lists.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise BenchbenchError(
            f'{name} is not of the form {{"train": [class names], "val": [...], "test": [...]}}.'
        ) from error


def _refuse_shared_classes(below: dict[str, list[str]]) -> None:
    """`train/cat` and `test/cat` are one class, which may not be in two splits."""
    homes: dict[str, str] = {}
    for split, names in below.items():
        for name in names:
            bare = name.partition("/")[2]
            if homes.setdefault(bare, split) != split:
                raise BenchbenchError(
                    f"Class '{bare}' is below both {homes[bare]}/ and {split}/; few-shot splits "
                    "share no class, so use split=seed on one of the folders."
                )


def _top(tree: FileTree) -> str:
    """The folders around all classes: an archive often has one folder at its top."""
    folders = {posixpath.dirname(name) for name in tree.image_names()}
    common = posixpath.commonpath(folders) if folders else ""
    top = posixpath.dirname(common) if common in folders else common
    return f"{top}/" if top else ""


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Folder)
