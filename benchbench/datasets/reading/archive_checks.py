"""What an archive from strangers may hold; the rest is refused before a byte of it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
class Member:
    """What an archive says of a member.

    name: of a folder it ends in a slash; packed: its bytes in the archive; flaw: why to refuse it.
    """

    name: str
    size: int
    packed: int
    flaw: str = ""


def check_members(
    archive: object, size: int, members: Iterable[Member], limits: Limits = LIMITS
) -> None:
    """Raise BenchbenchError if a member climbs out, is not a plain file, or is a bomb.

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


def _flaw_of_size(member: Member, limits: Limits) -> str:
    if member.size > limits.small and member.size > limits.ratio * member.packed:
        return f"unpacks to more than {limits.ratio} times its size"
    return ""


def refused(archive: object, reason: str) -> BenchbenchError:
    """The error for an archive that is made to do harm, or looks as if it were."""
    return BenchbenchError(
        f"{archive} is refused because {reason}; get it from its publisher, or pack it again from "
        "plain files."
    )


def damaged(archive: object, where: str, error: object) -> BenchbenchError:
    """The error for an archive that cannot be read."""
    return BenchbenchError(f"{archive} is damaged{where} ({error}); copy or download it again.")
