"""Which archives are refused before a byte of them is used: they come from strangers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from benchbench.errors import BenchbenchError

MOST_BYTES = 512 << 30
"""Of all members of an archive together; ILSVRC-2012, the largest set in use, has 155 GB."""

MOST_RATIO = 200
"""Unpacked by packed bytes; photographs reach 1.1, raw pixels about 50, a bomb of zeros 1000."""

SMALL_BYTES = 64 << 20
"""The ratio applies to what exceeds this, alone or together."""


@dataclass(frozen=True)
class Member:
    """A file or folder/ of an archive, its size and packed size, and the flaw that refuses it."""

    name: str
    size: int
    packed: int
    flaw: str = ""


def check_members(archive: object, size: int, members: Iterable[Member]) -> None:
    """Raise BenchbenchError if a member lies outside, is not a plain file, or is a bomb.

    archive: what messages call it; size: its bytes.
    """
    seen: set[str] = set()
    total = packed = 0
    for member in members:
        flaw = member.flaw or _flaw_of_name(member.name)
        if not flaw and _is_bomb(member.size, member.packed):
            flaw = f"unpacks to more than {MOST_RATIO} times its size"
        if not flaw and plain_name(member.name) in seen:
            flaw = "is there twice"
        if flaw:
            raise refused(archive, f"'{member.name}' {flaw}")
        if not member.name.endswith("/"):
            seen.add(plain_name(member.name))
        total, packed = total + member.size, packed + member.packed
    check_total(archive, total, min(packed, size))


def check_total(archive: object, total: int, packed: int) -> None:
    """Raise BenchbenchError if `total` bytes are more than the archive may hold."""
    if total > MOST_BYTES:
        raise refused(archive, f"it unpacks to more than {MOST_BYTES / 1e9:.0f} GB")
    if _is_bomb(total, packed):
        raise refused(archive, f"it unpacks to more than {MOST_RATIO} times its size")


def _is_bomb(size: int, packed: int) -> bool:
    return size > max(SMALL_BYTES, MOST_RATIO * packed)


def plain_name(name: str) -> str:
    """A member's name without the leading `./` that tar often writes."""
    return re.sub(r"^(\./+)+", "", name).rstrip("/")


def _flaw_of_name(name: str) -> str:
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if "\\" in name:
        return "has a backslash in its name"
    if ".." in name.split("/"):
        return "climbs out of the archive"
    return ""


def refused(archive: object, reason: str) -> BenchbenchError:
    """The error for an archive that may have been made to do harm."""
    return BenchbenchError(
        f"{archive} is refused because {reason}; get it from its publisher, or pack it again from "
        "plain files."
    )
