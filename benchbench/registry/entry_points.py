"""Which plug-ins exist: entry points by name, without importing any."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

KINDS = {
    "method": ("benchbench.methods", "register_methods"),
    "dataset": ("benchbench.datasets", "register_datasets"),
    "pretraining": ("benchbench.pretrainings", "register_pretrainings"),
}
"""The kinds that are looked up by entry-point name: their group and the hook that registers."""

EXTRAS_GROUP = "benchbench.plugins"


@dataclass(frozen=True)
class Provenance:
    """Where a plug-in comes from."""

    name: str
    module: str
    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} of {self.package}"


def available(kind: str) -> dict[str, Provenance]:
    """The names of a kind (`method` and so on) with their provenance, without importing any.

    A name that several packages claim belongs to benchbench, or else to the first by package name.
    """
    group, _ = KINDS[kind]
    found: dict[str, Provenance] = {}
    for entry in sorted(announced(group), key=lambda p: (p.package != "benchbench", p.package)):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def claimed_twice(kind: str) -> list[Provenance]:
    """Entry points whose name belongs to another package; they are never loaded."""
    group, _ = KINDS[kind]
    holders = available(kind)
    return [entry for entry in announced(group) if holders[entry.name] != entry]


def announced(group: str) -> list[Provenance]:
    """The entry points that installed packages announce in a group, each once."""
    return list(_by_group(_state_of_path())[group])


@lru_cache(maxsize=4)  # a command asks seven times, and a look reads files of all packages
def _by_group(state: tuple[tuple[int, ...], ...]) -> dict[str, list[Provenance]]:
    """What is announced in each group while the search path is in this state."""
    everything = importlib.metadata.entry_points()
    groups = [*(group for group, _ in KINDS.values()), EXTRAS_GROUP]
    return {group: _provenances(everything.select(group=group)) for group in groups}


def _provenances(found: Iterable[importlib.metadata.EntryPoint]) -> list[Provenance]:
    found, packages = list(found), {id(None): ("?", "?")}
    for entry in found:
        if entry.dist and id(entry.dist) not in packages:  # its metadata is read at each look
            packages[id(entry.dist)] = entry.dist.name, entry.dist.version
    entries = (Provenance(one.name, one.value, *packages[id(one.dist)]) for one in found)
    return list(dict.fromkeys(entries))


def _state_of_path() -> tuple[tuple[int, ...], ...]:
    """Which folders packages are found in, in order, and when one came or went in each."""
    states = []
    for folder in sys.path:
        with suppress(OSError):
            status = os.stat(folder or ".")
            states.append((status.st_dev, status.st_ino, status.st_mtime_ns))
    return tuple(states)
