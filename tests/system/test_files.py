"""Files that are written whole or not at all."""

import os
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.system.files import write_text


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
