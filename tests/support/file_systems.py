"""Folders on which nothing can be written, and small ones, as a disk would be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A block in which nothing can be written below the folder; the test is skipped without one.

    Rights do not bind root, for whom the folder is mounted on itself.
    """
    if os.geteuid() != 0:
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for one in folders:
            one.chmod(0o555)
        try:
            yield
        finally:
            for one in folders:
                one.chmod(0o755)
        return
    with _mounted("--bind", str(folder), str(folder)):
        _mount("-o", "remount,bind,ro", str(folder))
        yield


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A block in which the folder, which is made, has so much room; the test is skipped without."""
    folder.mkdir()
    size = f"size={megabytes}m"
    with _mounted("-t", "tmpfs", "-o", size, "tmpfs", str(folder)):
        yield


def fill(folder: Path) -> Path:
    """Leave no room on a small disk; the file that takes it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return ballast


def enlarge(folder: Path, megabytes: int) -> None:
    """Give a small disk so much room."""
    _mount("-o", f"remount,size={megabytes}m", str(folder))


@contextmanager
def _mounted(*arguments: str) -> Iterator[None]:
    try:
        _mount(*arguments)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this process may not mount anything ({error})")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
