"""Which plug-ins exist: entry points by name, without importing any."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass

KINDS = {
    "method": ("benchbench.methods", "register_methods"),
    "dataset": ("benchbench.datasets", "register_datasets"),
}
"""What is looked up by entry-point name: its group and the hook that hands over the classes."""

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
    """The names of a kind (`method` or `dataset`) with their provenance; imports none of them.

    A name that several packages claim belongs to benchbench, or else to the first by package name.
    """
    group, _ = KINDS[kind]
    found: dict[str, Provenance] = {}
    for entry in sorted(_entries(group), key=lambda p: (p.package != "benchbench", p.package)):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def claimed_twice(kind: str) -> list[Provenance]:
    """Entry points whose name another package holds already; they are never loaded."""
    group, _ = KINDS[kind]
    holders = available(kind)
    return [entry for entry in _entries(group) if holders[entry.name] != entry]


def _entries(group: str) -> list[Provenance]:
    entries = []
    for entry in importlib.metadata.entry_points(group=group):
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("?", "?")
        entries.append(Provenance(entry.name, entry.value, package, version))
    return list(dict.fromkeys(entries))
