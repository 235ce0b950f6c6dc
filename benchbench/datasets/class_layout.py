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

from benchbench.datasets.base import composed_name
from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.split_places import (
    Folders,
    by_folder,
    common_top,
    is_unsorted,
    labelled,
    listed,
    owners_of_splits,
    put_together,
    split_places,
    split_point,
    top_of,
    without_label,
)
from benchbench.datasets.split_words import split_named
from benchbench.errors import BenchbenchError


@dataclass(frozen=True)
class Layout:
    """classes: the files of each class, by the path of its folder. remarks: what was decided.

    parts: of each file `train`, `val` or `test`, if split folders split the images of all classes.
    """

    classes: dict[str, list[str]]
    remarks: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)


def laid_out(images: Iterable[str]) -> Layout:
    """The classes of these files, which are named with slashes.

    Raises BenchbenchError if the split folders do not fit each other or those beside them.
    """
    folders = by_folder(images)
    loose = folders.pop("", [])
    remarks = []
    if loose:
        remarks.append(f"{plural(len(loose), 'image', 'images')} in no class folder, left out.")
    point = split_point(folders)
    found = _inside_classes(folders) if point is None else _around_classes(folders, point)
    return Layout(found.classes, remarks + found.remarks, found.parts)


def split_folders(class_names: Collection[str]) -> dict[str, str] | None:
    """The name of the split folder that each class lies in, or nothing if it lies in none.

    None if there are no split folders. Raises BenchbenchError if a folder looks like one, and one
    beside it has the same classes.
    """
    point = split_point(class_names)
    if point is None:
        _refuse_half_a_split(class_names)
        _refuse_one_split(class_names)
        return None
    tops = {name: top_of(name, point) for name in class_names}
    return {name: top if split_named(top) else "" for name, top in tops.items()}


def _inside_classes(folders: Folders) -> Layout:
    """The classes if none lies in a split folder; one that has split folders in it is one class.

    Raises BenchbenchError if there is nothing but split folders.
    """
    owners = owners_of_splits(folders)
    if "" in owners.values():
        raise BenchbenchError(
            f"{listed(split_places(folders)[''])} have images in them, but no folder for each "
            "class; put the images of each class into a folder of its own."
        )
    classes: dict[str, list[str]] = {}
    for folder, names in folders.items():
        classes.setdefault(owners.get(folder, folder), []).extend(names)
    parts = {
        file: split_named(top_of(folder, f"{owners[folder]}/"))
        for folder, names in folders.items()
        if folder in owners
        for file in names
    }
    whole = {file: part for file, part in parts.items() if part is not None}
    remarks = [*put_together(owners), *_alike(classes)]
    return Layout(classes, remarks, whole if len(owners) == len(folders) else {})


def _alike(classes: Iterable[str]) -> list[str]:
    """What is said of classes of one name in several folders, which may be unknown splits."""
    homes: dict[str, set[str]] = {}
    for folder in classes:
        home, name = posixpath.split(folder)
        if home and not is_unsorted(name):
            homes.setdefault(_folded(name), set()).add(home)
    alike = {name: places for name, places in homes.items() if len(places) > 1}
    if not alike:
        return []
    what = plural(len(alike), "name is", "names are")
    places = some(sorted(set().union(*alike.values())))
    return [
        f"{what} in several folders ({places}); each is a class of its own: if these are splits, "
        "call them train, val and test, or put them together."
    ]


def _around_classes(folders: Folders, point: str) -> Layout:
    """The classes in split folders: as they are if these split classes, else put together.

    Raises BenchbenchError if it is neither, or there are other folders as well.
    """
    inside, unlabelled = labelled(folders, point)
    remarks = without_label(unlabelled)
    others = [folder for folder in folders if not split_named(top_of(folder, point))]
    by_name = _by_name(inside)
    if len(inside) > 1 and not _shared(by_name):
        kept = {f"{point}{name}/{label}" for name, found in inside.items() for label in found}
        start = 0 if others else len(point)
        return Layout(
            {f[start:]: files for f, files in folders.items() if f in kept or f in others}, remarks
        )
    if others:
        raise BenchbenchError(
            f"{others[0]}/ lies beside the split folders {listed(inside)}; move it away, or name "
            "the folder to use in the spec."
        )
    _refuse_partly_shared(by_name)
    classes: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    parts: dict[str, str] = {}
    for split_folder, found in by_name.items():
        for key, (name, label) in found.items():
            files = inside[split_folder][label]
            classes.setdefault(names.setdefault(key, name), []).extend(files)
            parts |= dict.fromkeys(files, split_named(split_folder) or "")
    if len(inside) > 1:
        what = plural(len(classes), "class", "classes")
        sizes = ", ".join(f"{sum(map(len, inside[name].values()))} in {name}/" for name in inside)
        remarks.append(
            f"Split folders with images of the same {what} ({sizes}): "
            "the images of each class were put together."
        )
    return Layout(dict(sorted(classes.items())), remarks, parts if len(inside) > 1 else {})


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
        f"Class '{both}' is below {listed(homes[both])}, class '{alone}' below {homes[alone][0]}/ "
        "alone; split folders have no class in common, or one of them has all classes. Move the "
        "folders, or name one split folder in the spec."
    )


def _refuse_one_split(class_names: Collection[str]) -> None:
    """Raise BenchbenchError if all lie in one split folder: then the others had no readable image.

    Folders around all classes are in no class's name.
    """
    tops = {name.partition("/")[0] if "/" in name else "" for name in class_names}
    if len(tops) == 1 and split_named(top := tops.pop()):
        raise BenchbenchError(
            f"{top}/ is the only split folder with images that can be read; mend the files of the "
            f"others, or choose split=seed to split the classes of {top}/ at random."
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
                f"Class '{common[0]}' is below {listed(sorted(tops))}, of which one is no split; "
                "name them train, val or test, or choose split=seed if they are other classes."
            )
