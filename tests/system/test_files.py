"""Files that anybody may have put there: only plain ones of a likely size are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.system.files import folders_with, read_bytes, read_text


def sparse(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(2**33)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (Path.mkdir, "is a folder and no file"),
        (os.mkfifo, "is a device or pipe and no file"),
        (lambda file: file.symlink_to("/dev/zero"), "is a device or pipe and no file"),
        (lambda file: file.symlink_to(file), "cannot be read: Too many levels"),
        (lambda file: file.symlink_to("/nowhere"), "is a link to nothing"),
        (sparse, "has 8,589,934,592 bytes, and 100 are the most"),
    ],
    ids=["folder", "pipe", "device", "loop", "dead link", "gigabytes"],
)
def test_what_is_no_likely_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], object], what: str
) -> None:
    make(tmp_path / "file")
    with pytest.raises(BenchbenchError, match=what):
        read_bytes(tmp_path / "file", 100)


def test_a_path_that_no_file_can_have_is_told() -> None:
    with pytest.raises(BenchbenchError, match="cannot be read"):
        read_bytes(Path("a\0b"), 100)


def test_a_missing_file_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "file", 100)


def test_a_text_does_not_know_how_its_lines_ended(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("\ufeffcafé\r\nthé\n".encode())
    assert read_text(tmp_path / "file", 100) == "café\nthé\n"
    (tmp_path / "file").write_bytes(b"caf\xe9")
    with pytest.raises(BenchbenchError, match="is no text in UTF-8"):
        read_text(tmp_path / "file", 100)


def test_folders_are_found_once_through_links_and_loops(tmp_path: Path) -> None:
    (tmp_path / "b" / "name").mkdir(parents=True)
    (tmp_path / "c").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "name").write_text("")
    assert list(folders_with("name", tmp_path, tell=pytest.fail)) == [tmp_path, tmp_path / "b"]
