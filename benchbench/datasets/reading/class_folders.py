"""Where the images of a class lie: a folder for each class, in a folder or an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from benchbench.datasets.reading.file_tree import FileTree

ILSVRC_FOLDERS = ("ILSVRC2012", "ILSVRC", "ilsvrc2012", "imagenet", "ImageNet")
"""What people call their copy of ILSVRC-2012."""

AROUND_CLASSES = (
    "",
    "train/",
    "{split}/",
    "images/",
    "ILSVRC/Data/CLS-LOC/train/",
    "Data/CLS-LOC/train/",
)
"""What class folders lie in, in the order of preference. ILSVRC has each class in `train` and in
`val`, where its validation images are; data sets that are dealt out have it in its split's."""

INSIDE_ARCHIVES = ("", "train", "val", "test", "images")
"""The last folder around class folders, in the order of preference."""

LazyFiles: TypeAlias = Callable[[], tuple[FileTree, list[str]]]
"""Says where the images of one class are: the folder or archive, and their names in it."""


def class_folders(root: Path, split_of: Mapping[str, str]) -> dict[str, Path]:
    """The folders of these classes below `root`, by their names, as far as they are there.

    split_of: the split of each class, by the name of its folder.
    """
    found = {}
    for name, split in split_of.items():
        places = (root / around.format(split=split) / name for around in AROUND_CLASSES)
        folder = next((place for place in places if place.is_dir()), None)
        if folder is not None:
            found[name] = folder
    return found


def files_of_folder(folder: Path) -> LazyFiles:
    """The images below a class's folder, by name; listed when they are needed."""

    def files() -> tuple[FileTree, list[str]]:
        tree = FileTree(folder)
        return tree, tree.image_names()

    return files


def files_of_tree(tree: FileTree, names: Iterable[str]) -> dict[str, LazyFiles]:
    """The images of these classes, by the folder that they lie in, wherever that is."""
    wanted = set(names)
    folders: dict[str, dict[str, list[str]]] = {}
    for file in tree.image_names():
        folder = PurePosixPath(file).parent
        if folder.name in wanted:
            folders.setdefault(folder.name, {}).setdefault(str(folder.parent), []).append(file)
    return {name: in_tree(tree, _preferred(places)) for name, places in folders.items()}


def in_tree(tree: FileTree, names: list[str]) -> LazyFiles:
    """These files of the tree."""
    return lambda: (tree, names)


def _preferred(places: Mapping[str, list[str]]) -> list[str]:
    """The files of the place that comes first in INSIDE_ARCHIVES, else has the shortest name."""

    def rank(place: str) -> tuple[int, int, str]:
        last = PurePosixPath(place).name
        known = last in INSIDE_ARCHIVES
        position = INSIDE_ARCHIVES.index(last) if known else len(INSIDE_ARCHIVES)
        return position, len(place), place

    return places[min(places, key=rank)]
