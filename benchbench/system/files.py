"""Files: whether they may be read and written, whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchbench.errors import BenchbenchError


def can_write(folder: Path) -> bool:
    """Whether a file can be made in the folder, or in the nearest one above it that exists."""
    folder = folder.absolute()
    # Not `Path.exists`, which raises PermissionError below a folder that is another user's.
    existing = next(p for p in (folder, *folder.parents) if os.path.exists(p))  # noqa: PTH110
    try:
        with tempfile.TemporaryFile(dir=existing):  # rights say nothing of /proc and the like
            return True
    except OSError:
        return False


@contextmanager
def writing_to_cache(folder: Path) -> Iterator[None]:
    """Make the folder of the cache; an error in writing to it becomes a BenchbenchError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise BenchbenchError(
            f"Cannot write to the cache {folder} ({error.strerror or error}); "
            "set BENCHBENCH_CACHE to a folder with room that you may write to."
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file next to `path` to write to, which becomes `path` if the block succeeds."""
    # Another process may write it too, with the same number on another machine.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """As `whole_file`, in a folder that is made. Raises BenchbenchError if it cannot be written.

    A device or a pipe would be replaced by the file, and is refused.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise BenchbenchError(f"Cannot write {path}: it is a device or a pipe, not a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            yield partial
    except OSError as error:
        raise BenchbenchError(f"Cannot write {path}: {error.strerror or error}.") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, as `output_file`."""
    with output_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a file that others may have put there: a plain one, of `limit` bytes at most.

    Raises FileNotFoundError, or BenchbenchError if it is none or cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "folder" if stat.S_ISDIR(found.st_mode) else "device or pipe"
            raise BenchbenchError(f"{path} is a {kind} and no file; move it elsewhere.")
        if found.st_size > limit:
            raise BenchbenchError(
                f"{path} has {found.st_size:,} bytes, and {limit:,} are the most that it can have "
                "in earnest; move it elsewhere."
            )
        return path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise BenchbenchError(f"{path} is a link to nothing; move it elsewhere.") from None
        raise
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise BenchbenchError(f"{path} cannot be read: {reason}.") from error


def read_text(path: Path, limit: int) -> str:
    """As `read_bytes`, the content as a text that does not know how its lines ended."""
    try:
        text = read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BenchbenchError(f"{path} is no text in UTF-8 ({error.reason}).") from error
    return text.replace("\r\n", "\n")


def folders_with(name: str, root: Path, tell: Callable[[OSError], None]) -> Iterator[Path]:
    """The folders below `root` that hold something of this name, each once; links are followed.

    tell: called with the error of a folder that cannot be read.
    """
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=tell):
        real = os.path.realpath(folder)
        if real in seen:  # by another way, or in a loop of links
            folders.clear()
        elif name in files or name in folders:
            yield Path(folder)
        seen.add(real)
        folders.sort()


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """The hash of the content, in hexadecimal digits."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def copy_of(folder: Path | None, copy: Path) -> Path | None:
    """The copy of a folder that others may write to meanwhile; it has no links."""
    if folder is None:
        return None
    copy.mkdir()
    for path in sorted(folder.rglob("*")) if folder.exists() else ():
        target = copy / path.relative_to(folder)
        with suppress(FileNotFoundError):
            if path.is_dir():
                target.mkdir(exist_ok=True)
            elif path.is_file() and not path.is_symlink():
                shutil.copyfile(path, target)
    return copy
