"""The files of a folder and of all folders below it, through links, each folder once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

SYSTEM_FOLDERS = {"__MACOSX", "lost+found", "@eaDir", "$RECYCLE.BIN", "System Volume Information"}
"""Folders that systems put beside a person's files, with files of their own in them."""


@dataclass
class NotEntered:
    """Folders below a folder that were left out, by the beginning of their files' names.

    unreadable: those that may not be read. repeated: links to a folder that is read anyway, or that
    the link itself lies in.
    """

    unreadable: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """A folder to visit; linked: whether a link leads to it or to a folder around it."""

    prefix: str
    path: str
    linked: bool = False


def folders_below(
    folder: str | os.PathLike[str], left_out: NotEntered | None = None
) -> Iterator[tuple[str, str, list[os.DirEntry[str]]]]:
    """The beginning of the files' names, the path and the files of a folder and of all below it.

    The order is alphabetical, and a folder's own files come first. Links to folders are followed,
    unless they are hidden, or the folder is read anyway or holds the link. left_out: is filled with
    what is left out, but for hidden links.
    """
    left_out = NotEntered() if left_out is None else left_out
    root = os.path.realpath(folder)
    entered = {_identity(root)}
    waiting = [_Place("", os.fspath(folder))]
    while waiting:
        place = waiting.pop()
        if place.linked and (identity := _identity(place.path)) is not None:
            if identity in entered:
                left_out.repeated.append(place.prefix)
                continue
            entered.add(identity)
        try:
            with os.scandir(place.path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            left_out.unreadable.append(place.prefix)
            continue
        folders = {entry.name: entry for entry in found if _is_folder(entry)}
        yield place.prefix, place.path, [entry for entry in found if entry.name not in folders]
        below = []
        for name, entry in folders.items():
            link, prefix = entry.is_symlink(), f"{place.prefix}{name}/"
            if link and is_hidden(prefix[:-1]):
                continue
            if link and _leads_back(entry.path, place.path, root):
                left_out.repeated.append(prefix)
            else:
                below.append(_Place(prefix, entry.path, place.linked or link))
        waiting += reversed(below)


def is_hidden(name: str) -> bool:
    """Whether a name in a file's path begins with a dot or is that of a system's folder."""
    return any(part[:1] == "." or part in SYSTEM_FOLDERS for part in name.split("/"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link to itself is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _leads_back(link: str, place: str, root: str) -> bool:
    """Whether a link leads to what is read anyway, or to a folder that the link lies in."""
    target = os.path.realpath(link)
    read_anyway = _is_within(target, root) and not is_hidden(target[len(root) :])
    return read_anyway or _is_within(os.path.realpath(place), target)


def _is_within(path: str, folder: str) -> bool:
    return f"{path}{os.sep}".startswith(folder.rstrip(os.sep) + os.sep)


def _identity(path: str) -> tuple[int, int] | None:
    """What two paths to one folder have in common; None if it may not be known."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
