"""Files that are written whole or not at all."""

import os
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.system.files import can_write, write_text


def test_a_file_and_its_folder_are_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.md"
    write_text(path, "before")
    write_text(path, "after")
    assert path.read_text() == "after"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such pipes")
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
