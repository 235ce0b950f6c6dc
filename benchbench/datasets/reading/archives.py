"""Zip and tar archives from strangers; each is checked whole before a byte of it is used.

Nothing is unpacked under the names that an archive gives: members are read in place. A compressed
tar cannot be read at random, so it is first decompressed into one plain tar in the cache.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from benchbench.datasets.reading.archive_checks import (
    Member,
    check_members,
    check_total,
    plain_name,
)
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.offline import refuse_decoding
from benchbench.errors import BenchbenchError
from benchbench.system.files import whole_file, writing_to_cache
from benchbench.system.progress import meter

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

COMPRESSIONS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
"""The function that opens a compressed file, by the file's first bytes."""

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""The errors of the standard library for an archive that is not what it says."""

PIECE = 1 << 20
SMALL_PIECE = 1 << 12
"""Bytes read at once; few of the methods that can expand a few bytes without a bound."""


def open_archive(path: Path, unpack_to: Path) -> Zip | Tar:
    """A zip, or by its ending a tar archive, whose members are safe to read.

    unpack_to: the folder in which a compressed tar is decompressed, once. Raises BenchbenchError if
    the file is missing, damaged, or made to do harm.
    """
    if not path.exists():
        raise BenchbenchError(f"There is no folder or zip file {path}.")
    if path.name.lower().endswith(TAR_ENDINGS):
        plain = _decompressed(path, unpack_to)
        try:
            return Tar(path, Span(plain, 0, plain.stat().st_size))
        except BenchbenchError:
            if plain != path:
                plain.unlink(missing_ok=True)
            raise
    return Zip(path)


class Zip:
    """A zip that passed the checks; `names` are those of its plain files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = zipfile.ZipFile(path)
        except DAMAGE as error:
            problem = f"{path} is neither a folder nor a readable zip file ({error})"
            raise copy_again(problem) from error
        members = self._file.infolist()
        check_members(path, path.stat().st_size, map(_zip_member, members))
        self._members = {plain_name(m.filename): m for m in members if not m.is_dir()}
        self.names = sorted(self._members)
        if not self.names:
            raise copy_again(f"The zip file {path} is empty")

    def start(self, name: str, count: int) -> bytes:
        """The first bytes of a member's content. Raises as `read` does."""
        try:
            with self._file.open(self._members[name]) as file:
                return file.read(count)
        except DAMAGE as error:
            raise _damaged(self._path, error, name) from error

    def read(self, name: str) -> bytes:
        """A member's content. Raises KeyError if there is none, BenchbenchError if damaged."""
        member = self._members[name]
        # It is read up to the stated size; a member that is longer fails its checksum.
        piece = PIECE if member.compress_type <= zipfile.ZIP_DEFLATED else SMALL_PIECE
        try:
            with self._file.open(member) as file:
                content = b"".join(iter(lambda: file.read(piece), b""))
        except DAMAGE as error:
            raise _damaged(self._path, error, name) from error
        if len(content) != member.file_size:
            raise _damaged(self._path, "it is shorter than stated", name)
        return content


def _zip_member(member: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(member.external_attr >> 16)
    flaw = ""
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        flaw = "is a link or a device"
    elif member.flag_bits & 0x41:
        flaw = "is encrypted"
    return Member(member.filename, member.file_size, member.compress_size, flaw)


class Span(NamedTuple):
    """Bytes of a file on disk."""

    file: Path
    start: int
    size: int


class Tar:
    """As `Zip`, a tar archive that is not compressed: a file, or a member of another one."""

    def __init__(self, called: object, place: Span) -> None:
        """called: what messages call it; place: its bytes."""
        self._called = called
        try:
            members = list(_tar_members(place))
        except DAMAGE as error:
            raise _damaged(called, error) from error
        check_members(called, place.size, map(_tar_member, members))
        self._spans = {
            plain_name(member.name): Span(place.file, member.offset_data, member.size)
            for member in members
            if member.isreg()
        }
        self.names = sorted(self._spans)
        if not self.names:
            raise copy_again(f"The tar file {called} is empty")

    def start(self, name: str, count: int) -> bytes:
        return self._bytes(name, min(count, self._spans[name].size))

    def read(self, name: str) -> bytes:
        return self._bytes(name, self._spans[name].size)

    def _bytes(self, name: str, count: int) -> bytes:
        span = self._spans[name]
        try:
            with open(span.file, "rb") as file:  # a file for each thread: no lock is needed
                file.seek(span.start)
                content = file.read(count)
        except OSError as error:
            raise _damaged(self._called, error, name) from error
        if len(content) != count:
            raise _damaged(self._called, "it ends too early", name)
        return content

    def inner(self, name: str) -> Tar:
        """A member that is a tar archive itself."""
        return Tar(f"{name} of {self._called}", self._spans[name])


def _tar_members(place: Span) -> Iterator[tarfile.TarInfo]:
    """All members. Raises tarfile.ReadError if damage looks like the end of the archive.

    An archive inside another one must end before the next member of that one.
    """
    end = place.start + place.size
    with open(place.file, "rb") as file:
        file.seek(place.start)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.offset_data + (0 if member.issparse() else member.size) > end:
                    raise tarfile.ReadError(f"'{member.name}' reaches beyond the end")
                yield member
            stop = archive.offset
        file.seek(stop)
        if file.read(max(0, min(tarfile.BLOCKSIZE, end - stop))) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError(f"no member and no end of the archive at byte {stop}")


def _tar_member(member: tarfile.TarInfo) -> Member:
    plain = (member.isreg() and not member.issparse()) or member.isdir()
    flaw = "" if plain else "is a link or a device"
    name = f"{member.name}/" if member.isdir() else member.name
    return Member(name, member.size, member.size, flaw)


def _decompressed(path: Path, unpack_to: Path) -> Path:
    """The tar itself if it is not compressed, else a plain copy in `unpack_to`, made once."""
    try:
        with open(path, "rb") as file:
            start = file.read(6)
    except OSError as error:
        raise _damaged(path, error) from error
    opener = next((opener for mark, opener in COMPRESSIONS.items() if start.startswith(mark)), None)
    if opener is None:
        return path
    status = path.stat()
    state = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    plain = unpack_to / f"{hashlib.sha256(state.encode()).hexdigest()[:32]}.tar"
    if not plain.exists():
        refuse_decoding(path.name)
        with writing_to_cache(unpack_to), FileLock(plain.with_suffix(".lock")):
            if not plain.exists():
                with whole_file(plain) as partial:
                    _decompress(path, opener, partial)
    return plain


def _decompress(path: Path, opener: Callable[..., Any], target: Path) -> None:
    packed, total, shown = path.stat().st_size, 0, 0
    with (
        open(path, "rb") as raw,
        opener(raw, "rb") as source,
        open(target, "wb") as file,
        meter(f"unpacking {path.name} (bytes)", packed) as counter,
    ):
        while piece := _piece(path, source):
            total += len(piece)
            check_total(path, total, packed)
            file.write(piece)
            counter.advance(raw.tell() - shown)
            shown = raw.tell()


def _piece(path: Path, source: Any) -> bytes:
    try:
        return bytes(source.read(PIECE))
    except DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(archive: object, error: object, member: str = "") -> BenchbenchError:
    at = f" at {member}" if member else ""
    return copy_again(f"{archive} is damaged{at} ({error})")
