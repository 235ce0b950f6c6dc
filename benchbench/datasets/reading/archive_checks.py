"""What an archive from strangers may hold; the rest is refused before a byte of it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchbench.errors import BenchbenchError


@dataclass(frozen=True)
class Limits:
    """Where an archive counts as a bomb.

    total: bytes of all members together; ILSVRC-2012, the largest set in use, has 155 GB.
    ratio: unpacked by packed bytes. Photographs reach 1.1, drawings as raw pixels about 50 and a
        bomb of zeros 1000. It holds for whatever exceeds `small` bytes, alone or together.
    """

    total: int = 512 << 30
    ratio: int = 200
    small: int = 64 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class Entry:
    """What an archive says of a member.

    name: of a folder it ends in a slash; packed: its bytes in the archive; flaw: why to refuse it.
    """

    name: str
    size: int
    packed: int
    flaw: str = ""


def check_entries(path: Path, entries: Iterable[Entry], limits: Limits = LIMITS) -> None:
    """Raise BenchbenchError where a member climbs out, is no plain file, or is a bomb."""
    seen: set[str] = set()
    total = packed = 0
    for entry in entries:
        flaw = entry.flaw or _flaw_of_name(entry.name) or _flaw_of_size(entry, limits)
        if plain_name(entry.name) in seen:
            flaw = flaw or "is there twice"
        if flaw:
            raise refused(path, f"'{entry.name}' {flaw}")
        if not entry.name.endswith("/"):
            seen.add(plain_name(entry.name))
        total, packed = total + entry.size, packed + entry.packed
    check_total(path, total, min(packed, path.stat().st_size), limits)


def check_total(path: Path, total: int, packed: int, limits: Limits = LIMITS) -> None:
    """Raise BenchbenchError where `total` bytes are more than the archive may hold."""
    if total > limits.total:
        raise refused(path, f"it unpacks to more than {limits.total / 1e9:.0f} GB")
    if total > limits.small and total > limits.ratio * packed:
        raise refused(path, f"it unpacks to more than {limits.ratio} times its size")


def plain_name(name: str) -> str:
    """A member's name without the `./` that tar likes to begin with."""
    return re.sub(r"^(\./+)+", "", name).rstrip("/")


def _flaw_of_name(name: str) -> str:
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if "\\" in name:
        return "has a backslash in its name"
    if ".." in name.split("/"):
        return "climbs out of the archive"
    return ""


def _flaw_of_size(entry: Entry, limits: Limits) -> str:
    if entry.size > limits.small and entry.size > limits.ratio * entry.packed:
        return f"unpacks to more than {limits.ratio} times its size"
    return ""


def refused(path: Path, reason: str) -> BenchbenchError:
    """The error for an archive that is made to do harm, or looks as if it were."""
    return BenchbenchError(
        f"{path} is refused because {reason}; get it from its publisher, or pack it anew from "
        "plain files."
    )


def damaged(path: Path, where: str, error: object) -> BenchbenchError:
    """The error for an archive that cannot be read."""
    return BenchbenchError(f"{path} is damaged{where} ({error}); copy or download it again.")
