"""Which archives are refused before a byte of them is used: they come from strangers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from benchbench.errors import BenchbenchError


@dataclass(frozen=True)
class Limits:
    """The sizes above which an archive counts as a bomb.

    total: bytes of all members together; ILSVRC-2012, the largest set in use, has 155 GB.
    ratio: unpacked by packed bytes. Photographs reach 1.1, drawings as raw pixels about 50 and a
        bomb of zeros 1000. It applies to what exceeds `small` bytes, alone or together.
    """

    total: int = 512 << 30
    ratio: int = 200
    small: int = 64 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class Member:
    """A file or folder as the archive describes it.

    name: a folder's ends in a slash; packed: its bytes in the archive; flaw: why it is refused.
    """

    name: str
    size: int
    packed: int
    flaw: str = ""


def check_members(
    archive: object, size: int, members: Iterable[Member], limits: Limits = LIMITS
) -> None:
    """Raise BenchbenchError if a member lies outside, is not a plain file, or is a bomb.

    archive: what messages call it; size: its bytes.
    """
    seen: set[str] = set()
    total = packed = 0
    for member in members:
        flaw = member.flaw or _flaw_of_name(member.name) or _flaw_of_size(member, limits)
        if plain_name(member.name) in seen:
            flaw = flaw or "is there twice"
        if flaw:
            raise refused(archive, f"'{member.name}' {flaw}")
        if not member.name.endswith("/"):
            seen.add(plain_name(member.name))
        total, packed = total + member.size, packed + member.packed
    check_total(archive, total, min(packed, size), limits)


def check_total(archive: object, total: int, packed: int, limits: Limits = LIMITS) -> None:
    """Raise BenchbenchError if `total` bytes are more than the archive may hold."""
    if total > limits.total:
        raise refused(archive, f"it unpacks to more than {limits.total / 1e9:.0f} GB")
    if total > limits.small and total > limits.ratio * packed:
        raise refused(archive, f"it unpacks to more than {limits.ratio} times its size")


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


def _flaw_of_size(member: Member, limits: Limits) -> str:
    if member.size > limits.small and member.size > limits.ratio * member.packed:
        return f"unpacks to more than {limits.ratio} times its size"
    return ""


def refused(archive: object, reason: str) -> BenchbenchError:
    """The error for an archive that may have been made to do harm."""
    return BenchbenchError(
        f"{archive} is refused because {reason}; get it from its publisher, or pack it again from "
        "plain files."
    )
