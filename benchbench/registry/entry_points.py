"""Which plug-ins exist: entry points by name, without importing any."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

KINDS = {
    "method": ("benchbench.methods", "register_methods"),
    "dataset": ("benchbench.datasets", "register_datasets"),
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
    """The names of a kind (`method` or `dataset`) with their provenance, without importing any.

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
    found = importlib.metadata.entry_points(group=group)
    packages: dict[int, tuple[str, str]] = {id(None): ("?", "?")}
    for entry in found:
        if entry.dist and id(entry.dist) not in packages:  # its metadata is read at each look
            packages[id(entry.dist)] = entry.dist.name, entry.dist.version
    entries = (Provenance(one.name, one.value, *packages[id(one.dist)]) for one in found)
    return list(dict.fromkeys(entries))
