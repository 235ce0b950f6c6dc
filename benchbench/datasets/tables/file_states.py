"""The states of a data set's files, by which the next opening notices a change in them.

Looking at each of a million files takes many seconds. If there are very many, the cache keeps in
`states/<hash>.json` what was found, and when each folder changed last. While no folder has changed
since, no file was added, removed, renamed or replaced. A file that was rewritten in place is not
noticed so; `forget_if_changed` looks at all files.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from benchbench.datasets.reading.walking import folders_below
from benchbench.errors import BenchbenchError
from benchbench.system.files import whole_file

State: TypeAlias = list[str | int]
"""The path, and values that change when the file, or a file below the folder, does."""

MANY_FILES = 50_000
"""In all folders of a data set together; fewer files are all looked at each time."""

FILES_PER_FOLDER = 10
"""The least average; with fewer, looking at the folders would be no faster."""

SETTLED_NS = 10 * 10**9
"""A folder that changed more recently than this may change again without a new date."""


def state_of(path: Path) -> State:
    """The state of a file, or of a folder by each file below it.

    Raises BenchbenchError if there is nothing.
    """
    if path.is_dir():
        return _surveyed(path)[0]
    try:
        status = path.stat()
    except OSError as error:
        raise BenchbenchError(f"There is no folder or file {path}.") from error
    return [str(path), status.st_size, status.st_mtime_ns]


def states_of(sources: Sequence[Path], cache: Path) -> list[State]:
    """`state_of` each source; for folders with very many files, the one in the cache.

    Raises BenchbenchError if one is gone.
    """
    folders = [source for source in sources if source.is_dir()]
    known = _remembered(folders, cache)
    if known is None:
        known = _survey(folders, cache)
    found = {str(state[0]): state for state in known}
    return [found.get(str(source)) or state_of(source) for source in sources]


def forget_if_changed(sources: Sequence[Path], cache: Path) -> bool:
    """Whether a file differs from its state in the cache; this looks at every file.

    If so, the next opening looks at them as well, and decodes them again.
    """
    folders = [source for source in sources if source.is_dir()]
    known = _remembered(folders, cache)
    if known is None or known == [state_of(folder) for folder in folders]:
        return False
    _memory(folders, cache).unlink(missing_ok=True)
    return True


def _surveyed(path: Path) -> tuple[State, list[str], int]:
    """A folder's state, all folders whose files it is made of, and the number of these files.

    A link counts with its own date and with that of the file that it leads to.
    """
    digest, folders, count = hashlib.sha256(), [], 0
    targets: set[str] = set()
    for prefix, folder, entries in folders_below(path):
        folders.append(folder)
        count += len(entries)
        for entry in entries:
            name = (prefix + entry.name).replace("/", os.sep)
            digest.update(_line(name, entry, follow=False))
            if entry.is_symlink():
                digest.update(_line("", entry, follow=True))
                targets.add(str(Path(folder, Path(entry.path).readlink()).parent))
    folders += filter(os.path.isdir, sorted(targets.difference(folders)))
    return [str(path), digest.hexdigest()], folders, count


def _line(name: str, entry: os.DirEntry[str], follow: bool) -> bytes:
    """A file's part of the state of its folder, or that of the file that a link leads to."""
    try:
        status = entry.stat(follow_symlinks=follow)
        facts = f"{status.st_size}|{status.st_mtime_ns}"
    except OSError:
        facts = "gone"
    return f"{name}|{facts}\n".encode(errors="surrogateescape")


def _survey(sources: Sequence[Path], cache: Path) -> list[State]:
    """The folders' states, which are kept in the cache if they have very many files."""
    started, files = time.time_ns(), 0
    states: list[State] = []
    folders: list[str] = []
    for source in sources:
        state, below, count = _surveyed(source)
        states.append(state)
        folders += below
        files += count
    if files > MANY_FILES and files >= FILES_PER_FOLDER * len(folders):
        _remember(states, folders, started, _memory(sources, cache))
    return states


def _remember(states: list[State], folders: list[str], started: int, file: Path) -> None:
    """Keep the states, unless a folder has changed just now or the cache cannot be written."""
    with suppress(OSError):
        marks = _marks(folders)
        if max(changed for changed, _ in marks.values()) < started - SETTLED_NS:
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as partial:
                content = {"states": states, "folders": marks}
                partial.write_text(json.dumps(content), encoding="utf-8")


def _remembered(sources: Sequence[Path], cache: Path) -> list[State] | None:
    """The states of these folders; None if they are not known or a folder has changed."""
    try:
        content = json.loads(_memory(sources, cache).read_text(encoding="utf-8"))
        states: list[State] = content["states"]
        return states if content["folders"] == _marks(content["folders"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _marks(folders: Iterable[str]) -> dict[str, list[int]]:
    """When each folder changed last, in nanoseconds, and its number on the disk.

    Raises OSError if one is gone.
    """
    found = ((folder, os.stat(folder)) for folder in folders)
    return {folder: [status.st_mtime_ns, status.st_ino] for folder, status in found}


def _memory(sources: Sequence[Path], cache: Path) -> Path:
    """The file for these folders."""
    text = json.dumps([str(source) for source in sources])
    return cache / "states" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
