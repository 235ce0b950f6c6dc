"""Watching what Python code does with files: which it opens, lists, renames, links and removes.

C code's files are not seen, nor are those that are reached by a link that was there before. A path
relative to an open folder is taken for one relative to the current folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

PATHS = {
    "open": (0,),
    "os.listdir": (0,),
    "os.scandir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.truncate": (0,),
    "os.link": (0, 1),
    "os.symlink": (0, 1),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
    "shutil.copyfile": (0, 1),
    "shutil.copytree": (0, 1),
    "shutil.move": (0, 1),
    "shutil.rmtree": (0,),
    "shutil.make_archive": (0, 2),
    "shutil.unpack_archive": (0, 1),
    "sqlite3.connect": (0,),
}
"""Python's audit events, and which of their arguments are paths."""

_watches: tuple[FileWatch, ...] = ()
_hooked = False


class FileWatch:
    """What is done with files below some folders; a context manager that ends the watch.

    phase: what is being done now; its writer changes it.
    """

    def __init__(self, roots: Sequence[Path] | None, events: Collection[str] = PATHS) -> None:
        self.phase = ""
        self._events = frozenset(events)
        self._roots = frozenset(
            os.path.normpath(path)
            for root in roots or ()
            for path in (root.absolute(), root.resolve())
        )
        below = tuple(path.rstrip(os.sep) + os.sep for path in self._roots)
        self._prefixes = ("",) if roots is None else below
        self._seen: dict[tuple[str, str], None] = {}

    def drain(self) -> list[tuple[str, str]]:
        """The phases and absolute paths since the last call, each pair once, in their order.

        A path is there if somebody tried, even if the operation failed.
        """
        seen, self._seen = self._seen, {}
        return list(seen)

    def close(self) -> None:
        """Watch no longer; what was seen can still be drained."""
        global _watches
        _watches = tuple(watch for watch in _watches if watch is not self)

    def __enter__(self) -> FileWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def note(self, event: str, path: str) -> None:
        """Record a path that is absolute and normal, if it is below a root."""
        if (path.startswith(self._prefixes) or path in self._roots) and event in self._events:
            self._seen[self.phase, path] = None


def watch(roots: Sequence[Path] | None, events: Collection[str] = PATHS) -> FileWatch:
    """Begin to watch the folders, or files, and what is below them, in all threads.

    roots: None watches all files. events: the names of Python's audit events, of those in PATHS.
    """
    global _hooked, _watches
    if not _hooked:  # a hook cannot be removed
        sys.addaudithook(_audit)
        _hooked = True
    begun = FileWatch(roots, events)
    _watches = (*_watches, begun)
    return begun


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    places = PATHS.get(event)
    if places is None or not _watches:
        return
    for place in places:
        try:
            path = _absolute(arguments[place])
        except (TypeError, ValueError, OSError):  # no path, or the current folder is gone
            continue
        if path is not None:
            for each in _watches:
                each.note(event, path)


def _absolute(path: Any) -> str | None:
    """The path in normal form; None for what is no file. Without a path, the current folder."""
    if isinstance(path, int) or path == ":memory:":  # a descriptor, or a database of no file
        return None
    text = os.fsdecode("." if path is None else path)
    return os.path.abspath(text)  # noqa: PTH100 (to resolve links takes ten times as long)
