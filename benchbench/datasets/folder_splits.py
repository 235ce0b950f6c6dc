"""Which classes of a folder are for training, validation and test: lists in a file, or folders."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from benchbench.datasets.attributes import ATTRIBUTE_FILE, ClassAttributes, read_attributes
from benchbench.datasets.base import SPLITS, splits_by_name
from benchbench.datasets.class_layout import split_folders
from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.reading.file_tree import FileTree, shown
from benchbench.datasets.reading.walking import is_hidden
from benchbench.datasets.split_places import common_top, lost_splits
from benchbench.datasets.split_words import split_named
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import IntArray

SPLIT_FILE = "splits.json"

Remark: TypeAlias = Callable[[str], None]


def split_files(tree: FileTree) -> list[str]:
    """The files that list the classes of each split, as `files_around` all images."""
    return files_around(tree, SPLIT_FILE)


def files_around(tree: FileTree, wanted: str) -> list[str]:
    """The files of this name in the folders around all images.

    The nearest to the images comes first; it is the one to read.
    """
    names = set(tree.names)
    return [path for path in _paths_around(tree, wanted) if path in names]


def _paths_around(tree: FileTree, wanted: str) -> list[str]:
    """Where a file of this name may be: in the folders around all images, the nearest first."""
    visible = (name for name in tree.names if not is_hidden(name))
    top = common_top({posixpath.dirname(name) for name in tree.image_names() or visible})
    around = [top[:end] for end in range(len(top), -1, -1) if end == 0 or top[end - 1] == "/"]
    return [f"{folder}{wanted}" for folder in around]


def attributes_around(
    tree: FileTree, class_names: Sequence[str], remark: Remark
) -> ClassAttributes | None:
    """The attributes in `ATTRIBUTE_FILE` beside the classes; None if there is no such file.

    A folder of that name is said.
    """
    files = files_around(tree, ATTRIBUTE_FILE)[:1]
    where = f"{ATTRIBUTE_FILE} in {tree.path}"
    if files:
        return read_attributes(tree.read(files[0]), where, class_names, remark)
    if any(_is_folder(tree, place) for place in _paths_around(tree, ATTRIBUTE_FILE)):
        remark(f"{where} is a folder and no table, so that no attributes are read.")
    return None


def _is_folder(tree: FileTree, name: str) -> bool:
    """Whether a folder has this name; of an archive, one with files."""
    return (tree.path / name).is_dir() or any(each.startswith(f"{name}/") for each in tree.names)


def refuse_unread_splits(tree: FileTree) -> None:
    """Raise BenchbenchError if no class of a split folder is in a folder that may be read."""
    unread = [name for name in tree.left_out.unreadable if not is_hidden(name[:-1])]
    if lost := lost_splits(tree.image_names(), unread) if unread else []:
        one, several = "split folder has", "split folders have"
        raise BenchbenchError(
            f"{plural(len(lost), one, several)} no class that may be read: "
            f"{some(list(map(shown, lost)))}; make the files readable, move the folder away, or "
            "choose split=seed to split the other classes at random."
        )


def class_lists(content: str | bytes, name: str) -> dict[str, list[str]]:
    """Class names by split from JSON; a split may be called by any of its words.

    Raises BenchbenchError if it is something else.
    """
    try:
        lists = json.loads(content)
        if not all(isinstance(names, list) for names in lists.values()):
            raise TypeError(name)
        found = {split: [_class_name(item) for item in names] for split, names in lists.items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise BenchbenchError(
            f'{name} is not of the form {{"train": [class names], "val": [...], "test": [...]}}.'
        ) from error
    named: dict[str, list[str]] = {}
    for split, names in found.items():
        meant = split_named(split) or split
        if meant in named:
            raise BenchbenchError(f"{name} has two lists for '{meant}', of which one is '{split}'.")
        named[meant] = names
    return named


def _class_name(item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise TypeError(item)
    return str(item)


def splits_by_list(
    class_names: list[str], lists: dict[str, list[str]], remark: Remark
) -> dict[str, IntArray]:
    """Class ids of each split from lists of names. Raises BenchbenchError as `splits_by_name`."""
    lists = {split: list(map(shown, names)) for split, names in lists.items()}
    splits = splits_by_name(class_names, lists)
    ids = [index for members in splits.values() for index in members.tolist()]
    if again := sum(map(len, lists.values())) - len(ids):
        what = plural(again, "name recurs", "names recur")
        remark(f"{what} in a list of {SPLIT_FILE} and counts once.")
    unlisted = [class_names[index] for index in sorted({*range(len(class_names))} - {*ids})]
    if unlisted:
        what = plural(len(unlisted), "class is", "classes are")
        remark(f"{what} in no list of {SPLIT_FILE} and left out: {some(unlisted)}.")
    return splits


def splits_of_folders(
    class_names: Sequence[str], strict: bool, remark: Remark
) -> dict[str, IntArray] | None:
    """Class ids of each split by the split folders that the classes lie in; None without any.

    strict: whether to raise BenchbenchError if a class lies in none; else it is left out.
    """
    folder_of = split_folders(class_names)
    if folder_of is None:
        return None
    others = [name for name in class_names if not folder_of[name]]
    if others and strict:
        raise BenchbenchError(
            f"{plural(len(others), 'class lies', 'classes lie')} beside the split folders: "
            f"{some(others)}; move them, or choose split=folders to leave them out, or split=seed "
            "to split all classes at random."
        )
    if others:
        what = plural(len(others), "class lies", "classes lie")
        remark(f"{what} beside the split folders and in no split: {some(others)}.")
    split_of = {folder: split_named(folder) for folder in sorted({*folder_of.values()} - {""})}
    meant = [f"{folder}/ as {split}" for folder, split in split_of.items() if folder != split]
    if meant:
        what = plural(len(meant), "split folder is", "split folders are")
        remark(f"{what} read by meaning: {', '.join(meant)}.")
    members = {
        split: [name for name in class_names if split_of.get(folder_of[name]) == split]
        for split in SPLITS
    }
    return splits_by_name(list(class_names), members)
