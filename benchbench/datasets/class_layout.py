"""Which files are one class: a folder for each class, in split folders or with these in it.

Split folders are `train`, `val` and `test`, or what people call them (`split_words`). They split
the classes if no two of them have a class of one name. Otherwise they split each class's images:
then the images of a class are put together, for few-shot splits share no class.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from benchbench.datasets.base import SPLITS, composed_name
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


@dataclass(frozen=True)
class Layout:
    """classes: the files of each class, by the path of its folder. remarks: what was decided."""

    classes: dict[str, list[str]]
    remarks: list[str] = field(default_factory=list)


def laid_out(images: Iterable[str]) -> Layout:
    """The classes of these files, which are named with slashes.

    Raises BenchbenchError if the split folders do not fit each other or those beside them.
    """
    folders = by_folder(images)
    loose = folders.pop("", [])
    remarks = [f"{_images(len(loose))} in no class folder, left out."] if loose else []
    point = split_point(folders)
    found = _inside_classes(folders) if point is None else _around_classes(folders, point)
    return Layout(found.classes, remarks + found.remarks)


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


def split_point(folders: Collection[str]) -> str | None:
    """The place of the split folders that have class folders in them, with a slash; or None.

    Raises BenchbenchError if there are several places.
    """
    points = [
        place
        for place, inside in _split_folders(folders).items()
        if any(folder.startswith(f"{place}{name}/") for name in inside for folder in folders)
    ]
    first = min(points, key=len, default=None)
    if first is not None and not all(point.startswith(first) for point in points):
        raise BenchbenchError(
            f"{_listed(points)} have split folders each; name one of them in the spec, or put all "
            "classes below one folder for each split."
        )
    return first


def split_folders(class_names: Collection[str]) -> dict[str, str] | None:
    """The name of the split folder that each class lies in, or nothing if it lies in none.

    None if there are no split folders. Raises BenchbenchError if a folder looks like one, and one
    beside it has the same classes.
    """
    point = split_point(class_names)
    if point is None:
        _refuse_half_a_split(class_names)
        return None
    tops = {name: _top(name, point) for name in class_names}
    return {name: top if split_named(top) else "" for name, top in tops.items()}


def _split_folders(folders: Iterable[str]) -> dict[str, list[str]]:
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


def _inside_classes(folders: Folders) -> Layout:
    """The classes if none lies in a split folder; one that has split folders in it is one class.

    Raises BenchbenchError if there is nothing but split folders.
    """
    owners: dict[str, str] = {}
    for place, inside in _split_folders(folders).items():
        parts = [folder for folder in folders if folder.startswith(place)]
        if set(parts) == {f"{place}{name}" for name in inside}:
            if not place:
                raise BenchbenchError(
                    f"{_listed(inside)} have images in them, but no folder for each class; put the "
                    "images of each class into a folder of its own."
                )
            owners |= dict.fromkeys(parts, place.rstrip("/"))
    classes: dict[str, list[str]] = {}
    for folder, names in folders.items():
        classes.setdefault(owners.get(folder, folder), []).extend(names)
    if not owners:
        return Layout(classes)
    found = f"{_plural(len(set(owners.values())), 'class')} with split folders inside"
    return Layout(classes, [f"{found}: the images of each class were put together."])


def _around_classes(folders: Folders, point: str) -> Layout:
    """The classes in split folders: as they are if these split classes, else put together.

    Raises BenchbenchError if it is neither, or there are other folders as well.
    """
    inside, remarks = _labelled(folders, point)
    others = [folder for folder in folders if not split_named(_top(folder, point))]
    by_name = _by_name(inside)
    if len(inside) > 1 and not _shared(by_name):
        kept = {f"{point}{name}/{label}" for name, found in inside.items() for label in found}
        start = 0 if others else len(point)
        return Layout(
            {f[start:]: files for f, files in folders.items() if f in kept or f in others}, remarks
        )
    if others:
        raise BenchbenchError(
            f"{others[0]}/ lies beside the split folders {_listed(inside)}; move it away, or name "
            "the folder to use in the spec."
        )
    _refuse_partly_shared(by_name)
    classes: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for split_folder, found in by_name.items():
        for key, (name, label) in found.items():
            files = inside[split_folder][label]
            classes.setdefault(names.setdefault(key, name), []).extend(files)
    if len(inside) > 1:
        sizes = ", ".join(f"{sum(map(len, inside[name].values()))} in {name}/" for name in inside)
        remarks.append(
            f"Split folders with images of the same {_plural(len(classes), 'class')} ({sizes}): "
            "the images of each class were put together."
        )
    return Layout(dict(sorted(classes.items())), remarks)


def _labelled(folders: Folders, point: str) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """The classes in each split folder that has any, and what is said of images without labels."""
    inside: dict[str, dict[str, list[str]]] = {}
    remarks = []
    for name in _split_folders(folders)[point]:
        start = f"{point}{name}"
        inside[name] = {
            folder[len(start) + 1 :]: files
            for folder, files in folders.items()
            if f"{folder}/".startswith(f"{start}/")
        }
    several = any(len(found.keys() - {""}) > 1 for found in inside.values())
    for name, found in inside.items():
        loose = found.pop("", [])
        if several and len(found) == 1 and _is_unsorted(next(iter(found))):
            loose += found.popitem()[1]
        if loose:
            remarks.append(f"{_images(len(loose))} without a label in {name}/, left out.")
    return {name: found for name, found in inside.items() if found}, remarks


def _is_unsorted(folder: str) -> bool:
    name = folder.rpartition("/")[2]
    return name.casefold() in UNSORTED or split_named(name) is not None


ByName: TypeAlias = dict[str, dict[str, tuple[str, str]]]
"""By split folder and by what a class is known by: its name, and its folder in the split folder."""


def _by_name(inside: Mapping[str, Collection[str]]) -> ByName:
    """The classes by name; a folder around all classes of a split folder may be left out of it."""
    whole, bare = (_named(inside, without_top) for without_top in (False, True))
    return whole if _shared(whole) else bare


def _named(inside: Mapping[str, Collection[str]], without_top: bool) -> ByName:
    """Case and the way that letters are composed do not count, unless two classes differ so."""
    starts = {name: len(common_top(inside[name])) * without_top for name in inside}
    ways: list[ByName] = [
        {
            name: {way(label[starts[name] :]): (label[starts[name] :], label) for label in found}
            for name, found in inside.items()
        }
        for way in (_folded, str)
    ]
    folded, exact = ways
    return folded if all(len(folded[name]) == len(inside[name]) for name in inside) else exact


def _folded(name: str) -> str:
    return composed_name(name).casefold()


def _shared(by_name: ByName) -> list[str]:
    """What classes of several split folders are known by."""
    counts = Counter(chain.from_iterable(by_name.values()))
    return [key for key, count in counts.items() if count > 1]


def _refuse_partly_shared(by_name: ByName) -> None:
    """Raise BenchbenchError unless one split folder has all classes."""
    known = set(chain.from_iterable(by_name.values()))
    if any(len(found) == len(known) for found in by_name.values()):
        return
    homes = {
        key: [name for name, found in by_name.items() if key in found] for key in sorted(known)
    }
    both = next(key for key in homes if len(homes[key]) > 1)
    alone = next(key for key in homes if len(homes[key]) == 1)
    raise BenchbenchError(
        f"Class '{both}' is below {_listed(homes[both])}, class '{alone}' below {homes[alone][0]}/ "
        "alone; split folders have no class in common, or one of them has all classes. Move the "
        "folders, or name one split folder in the spec."
    )


def _refuse_half_a_split(class_names: Collection[str]) -> None:
    """Raise BenchbenchError for `train/cat` and `holdout/cat` alone, which may be one class."""
    tops: dict[str, set[str]] = {}
    for name in class_names:
        top, _, rest = name.partition("/")
        tops.setdefault(top, set()).add(_folded(rest))
    if len(tops) == 2 and any(map(split_named, tops)):
        one, other = tops.values()
        if common := sorted((one & other) - {""}):
            raise BenchbenchError(
                f"Class '{common[0]}' is below {_listed(sorted(tops))}, of which one is no split; "
                "name them train, val or test, or choose split=seed if they are other classes."
            )


def _top(folder: str, point: str) -> str:
    """The folder right below the place of the split folders; nothing if it lies elsewhere."""
    return folder[len(point) :].partition("/")[0] if folder.startswith(point) else ""


def _listed(folders: Iterable[str]) -> str:
    """`train/, val/ and test/`."""
    *others, last = (f"{folder.rstrip('/')}/" for folder in folders)
    return f"{', '.join(others)} and {last}" if others else last


def _images(count: int) -> str:
    return _plural(count, "image")


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}{'e' * what.endswith('s')}s"
