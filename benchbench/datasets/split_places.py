"""Where split folders lie among folders of images, and which images in them have no label.

Split folders are `train`, `val` and `test`, or what people call them (`split_words`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from benchbench.datasets.base import SPLITS
from benchbench.datasets.integrity.checks import plural
from benchbench.datasets.split_words import split_named
from benchbench.errors import BenchbenchError

Folders: TypeAlias = Mapping[str, list[str]]
"""Files by the path of their folder."""

UNSORTED = {
    "all",
    "image",
    "images",
    "img",
    "imgs",
    "pictures",
    "unknown",
    "unlabeled",
    "unlabelled",
}
"""What the only folder in a split folder is called if its pictures have no labels."""


def by_folder(images: Iterable[str]) -> dict[str, list[str]]:
    """The files by the path of their folder, without the folders that are around all of them."""
    found: dict[str, list[str]] = {}
    for name in images:
        found.setdefault(posixpath.dirname(name), []).append(name)
    start = len(common_top(found))
    return {folder[start:]: names for folder, names in found.items()}


def common_top(folders: Collection[str]) -> str:
    """The folders around all of these, with a slash: an archive often has one at its top."""
    common = posixpath.commonpath(folders) if folders else ""
    top = posixpath.dirname(common) if common in folders else common
    return f"{top}/" if top else ""


def split_points(folders: Collection[str]) -> list[str]:
    """The places of split folders that have class folders in them, each with a slash."""
    return [
        place
        for place, inside in split_places(folders).items()
        if any(folder.startswith(f"{place}{name}/") for name in inside for folder in folders)
    ]


def split_point(folders: Collection[str]) -> str | None:
    """The one place of the split folders that have class folders in them; or None.

    Raises BenchbenchError if there are several places.
    """
    points = split_points(folders)
    first = min(points, key=len, default=None)
    if first is not None and not all(point.startswith(first) for point in points):
        raise BenchbenchError(
            f"{listed(points)} have split folders each; name one of them in the spec, or put all "
            "classes below one folder for each split."
        )
    return first


def split_places(folders: Iterable[str]) -> dict[str, list[str]]:
    """The split folders by the place they lie in, wherever those of two splits lie together."""
    places: dict[str, dict[str, str]] = {}
    for folder in folders:
        place = ""
        for name in folder.split("/"):
            if split := split_named(name):
                places.setdefault(place, {})[name] = split
            place += f"{name}/"
    return {
        place: sorted(inside, key=lambda name: (SPLITS.index(inside[name]), name))
        for place, inside in places.items()
        if len(set(inside.values())) > 1
    }


def owners_of_splits(folders: Collection[str]) -> dict[str, str]:
    """The class folder around each split folder, of classes that have nothing but these in them.

    The folder is empty if there is nothing but split folders.
    """
    owners: dict[str, str] = {}
    for place, inside in split_places(folders).items():
        parts = [folder for folder in folders if folder.startswith(place)]
        if set(parts) == {f"{place}{name}" for name in inside}:
            owners |= dict.fromkeys(parts, place.rstrip("/"))
    return owners


def lost_splits(images: Iterable[str], unread: Sequence[str]) -> list[str]:
    """The split folders without images that are, or have in them, folders that may not be read.

    unread: those folders, each with a slash at its end.
    """
    folders = by_folder([*images, *unread])
    return [
        f"{point}{name}/"
        for point in split_points(folders)
        for name in split_places(folders)[point]
        if all(
            set(files) <= set(unread)
            for folder, files in folders.items()
            if f"{folder}/".startswith(f"{point}{name}/")
        )
    ]


def put_together(owners: Mapping[str, str]) -> list[str]:
    """What is said of classes with split folders inside."""
    if not owners:
        return []
    found = f"{plural(len({*owners.values()}), 'class', 'classes')} with split folders inside"
    return [f"{found}: the images of each class were put together."]


def labelled(
    folders: Folders, point: str
) -> tuple[dict[str, dict[str, list[str]]], dict[str, list[str]]]:
    """The classes in each split folder that has any, and the images without a label in each."""
    inside: dict[str, dict[str, list[str]]] = {}
    unlabelled = {}
    for name in split_places(folders)[point]:
        start = f"{point}{name}"
        inside[name] = {
            folder[len(start) + 1 :]: files
            for folder, files in folders.items()
            if f"{folder}/".startswith(f"{start}/")
        }
    several = any(len(found.keys() - {""}) > 1 for found in inside.values())
    for name, found in inside.items():
        loose = [*found.pop("", [])]
        if several and len(found) == 1 and is_unsorted(next(iter(found))):
            loose += found.popitem()[1]
        if loose:
            unlabelled[name] = loose
    return {name: found for name, found in inside.items() if found}, unlabelled


def without_label(unlabelled: Mapping[str, Collection[str]]) -> list[str]:
    """What is said of images without labels in split folders."""
    return [
        f"{plural(len(files), 'image', 'images')} without a label in {name}/, left out."
        for name, files in unlabelled.items()
    ]


def is_unsorted(folder: str) -> bool:
    """Whether a folder's name says of its pictures that they have no label, or a split's name."""
    name = folder.rpartition("/")[2]
    return name.casefold() in UNSORTED or split_named(name) is not None


def top_of(folder: str, point: str) -> str:
    """The folder right below the place of the split folders; nothing if it lies elsewhere."""
    return folder[len(point) :].partition("/")[0] if folder.startswith(point) else ""


def listed(folders: Iterable[str]) -> str:
    """`train/, val/ and test/`."""
    *others, last = (f"{folder.rstrip('/')}/" for folder in folders)
    return f"{', '.join(others)} and {last}" if others else last
