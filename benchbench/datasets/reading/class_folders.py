"""Where the images of a class lie: a folder for each class, on disk or in an archive."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchbench.datasets.reading.file_tree import FileTree, TreeFile

T = TypeVar("T")

ILSVRC_FOLDERS = ("ILSVRC2012", "ILSVRC", "ilsvrc2012", "imagenet", "ImageNet")
"""What people call their copy of ILSVRC-2012."""

AROUND_CLASSES = (
    "",
    "train/",
    "{split}/",
    "images/",
    "ILSVRC2012_img_train/",
    "ILSVRC/Data/CLS-LOC/train/",
    "Data/CLS-LOC/train/",
)
"""What class folders lie in, in the order of preference. ILSVRC has each class in `train` and in
`val`, which holds its validation images; a data set that was split has it in its split's folder."""

INSIDE_ARCHIVES = ("", "train", "val", "test", "images")
"""The last folder around class folders, in the order of preference."""


class ListedLater(Mapping[str, Sequence[T]]):
    """Images by class name; a class is listed whenever it is asked for, and not before."""

    def __init__(self, lists: Mapping[str, Callable[[], Sequence[T]]]) -> None:
        self._lists = lists

    def __getitem__(self, name: str) -> Sequence[T]:
        return self._lists[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._lists

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)


def class_folders(root: Path, split_of: Mapping[str, str], ending: str = "") -> dict[str, Path]:
    """The folders of these classes below `root`, by their names, as far as they are there.

    split_of: the split of each class, by the name of its folder; ending: of an archive, for classes
    that are an archive each.
    """
    found = {}
    for name, split in split_of.items():
        for around in AROUND_CLASSES:
            place = root / around.format(split=split) / f"{name}{ending}"
            if place.is_file() if ending else place.is_dir():
                found[name] = place
                break
    return found


def in_folders(folders: Iterable[Path]) -> ListedLater[TreeFile]:
    """The images in the folder, or the archive, of each class; it is named without its ending."""
    return ListedLater({path.stem: partial(_images, path) for path in folders})


def _images(path: Path) -> list[TreeFile]:
    return FileTree(path).images()


def in_tree(
    tree: FileTree,
    classes: Collection[str],
    around: Sequence[str] = INSIDE_ARCHIVES,
    one_place: bool = False,
) -> dict[str, list[TreeFile]]:
    """The images in the folders of these classes, wherever they lie, in the order of their names.

    around: the ends of the places that class folders may lie in, the best first. Of several places
    that have a class the best one counts, then that with the most classes, then the shallowest.
    one_place: all classes are taken from the best place; others may hold their masks, for example.
    """
    places: dict[str, dict[str, list[TreeFile]]] = {}
    for path, files in tree.images_by(posixpath.dirname).items():
        place, _, folder = path.rpartition("/")
        if folder in classes:
            places.setdefault(place, {})[folder] = files

    def rank(place: str) -> tuple[int, int, int, str]:
        known = (at for at, end in enumerate(around) if f"/{place}".endswith(f"/{end}"))
        return next(known, len(around)), -len(places[place]), place.count("/"), place

    found: dict[str, list[TreeFile]] = {}
    for place in sorted(places, key=rank)[: 1 if one_place else None]:
        found = places[place] | found
    return found
