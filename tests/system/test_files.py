"""Files are written whole or not at all; of others' files plain ones of a likely size are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.system.files import (
    can_write,
    folders_with,
    read_bytes,
    read_text,
    whole_file,
    write_text,
)


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


def test_a_file_and_its_folder_are_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.md"
    write_text(path, "before")
    write_text(path, "after")
    assert path.read_text() == "after"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such pipes")
def test_two_that_write_one_file_at_once_write_two(tmp_path: Path) -> None:
    """On two machines they may even have the same number of a process."""
    file = tmp_path / "file"
    with whole_file(file) as one:
        one.write_text("one")
        with whole_file(file) as other:
            other.write_text("other")
        assert file.read_text() == "other"
    assert file.read_text() == "one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_or_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "report.html"
    os.mkfifo(pipe)
    with pytest.raises(BenchbenchError, match="it is a device or a pipe, not a file"):
        write_text(pipe, "text")
    assert pipe.is_fifo()


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match="Cannot write"):
        write_text(tmp_path, "text")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_can_be_written_to_if_a_file_can_be_made_in_it(tmp_path: Path) -> None:
    assert can_write(tmp_path / "not" / "there")
    (tmp_path / "file").touch()
    assert not can_write(tmp_path / "file" / "below")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
def test_rights_alone_do_not_make_a_folder_writable() -> None:
    assert not can_write(Path("/proc/no_such_folder"))
