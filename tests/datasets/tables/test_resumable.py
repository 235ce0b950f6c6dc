"""Whatever an interruption leaves: what is whole is found again, and nothing else."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.tables import resumable as unfinished
from benchbench.datasets.tables.resumable import UnfinishedTable
from benchbench.errors import BenchbenchError


def classes() -> list[DecodedClass]:
    """Four classes, the third without a readable image."""
    rng = np.random.default_rng(0)
    counts = {"a": 2, "b": 3, "none": 0, "c": 1}
    return [
        DecodedClass(
            name,
            rng.integers(0, 256, (count, 2, 2, 3), np.uint8),
            parent=("top",),
            groups=["gröup"] * count,
            unreadable=[f"{name}/x\n"],
        )
        for name, count in counts.items()
    ]


def fill(folder: Path, items: Sequence[DecodedClass], identity: str = "this") -> list[str]:
    """Add classes and stop; the names of those that were there before."""
    table = UnfinishedTable(folder, "toy", identity)
    before = [written.name for written in table.classes]
    for item in items[len(before) :]:
        table.add(item)
    table.close()
    return before


def finished(folder: Path, items: Sequence[DecodedClass]) -> dict[str, object]:
    """Add what is missing and end; the header."""
    table = UnfinishedTable(folder, "toy", "this")
    for item in items[len(table.classes) :]:
        table.add(item)
    table.finish()
    table.close()
    return dict(json.loads((folder / "table.json").read_text()))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all classes, not finished."""
    folder = tmp_path_factory.mktemp("whole") / "table"
    fill(folder, classes())
    return folder


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return finished(tmp_path_factory.mktemp("header") / "table", classes())


def test_what_was_added_is_found_again(whole: Path, header: dict[str, object]) -> None:
    assert fill(whole, classes()) == ["a", "b", "none", "c"]
    assert header["class_names"] == ["a", "b", "c"]
    assert header["shape"] == [6, 2, 2, 3]
    assert header["unreadable"] == ["a/x\n", "b/x\n", "none/x\n", "c/x\n"]


@given(pixels=st.integers(0, 72), journal=st.integers(0, 1200))
def test_files_cut_anywhere_are_gone_on_from(
    whole: Path, header: dict[str, object], pixels: int, journal: int
) -> None:
    folder = whole.with_name("cut")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    for name, size in (("pixels.bin", pixels), ("journal.jsonl", journal)):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:size])
    kept = fill(folder, [])
    assert kept == ["a", "b", "none", "c"][: len(kept)]
    assert sum({"a": 24, "b": 36, "none": 0, "c": 12}[name] for name in kept) <= pixels
    assert finished(folder, classes()) == header


@given(at=st.integers(0, 71))
def test_pixels_that_changed_are_cut_off(whole: Path, header: dict[str, object], at: int) -> None:
    folder = whole.with_name("changed")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    content = bytearray((folder / "pixels.bin").read_bytes())
    content[at] ^= 1
    (folder / "pixels.bin").write_bytes(content)
    assert fill(folder, []) == (["a", "b", "none"][: 0 if at < 24 else 1 if at < 60 else 3])
    assert finished(folder, classes()) == header


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"1\n", b"\xff\n", b'{"name": "a"}\n'])
def test_lines_of_something_else_end_the_journal(
    whole: Path, header: dict[str, object], tmp_path: Path, line: bytes
) -> None:
    folder = tmp_path / "table"
    fill(folder, classes()[:1])
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(line)
    assert fill(folder, []) == ["a"]
    assert finished(folder, classes()) == header


def test_pixels_after_the_last_whole_class_are_cut_off(tmp_path: Path) -> None:
    fill(tmp_path / "table", classes()[:1])
    with (tmp_path / "table" / "pixels.bin").open("ab") as file:
        file.write(b"half a class")
    assert fill(tmp_path / "table", []) == ["a"]
    assert (tmp_path / "table" / "pixels.bin").stat().st_size == 24


def test_a_folder_of_something_else_is_emptied(tmp_path: Path) -> None:
    fill(tmp_path / "table", classes(), identity="other")
    (tmp_path / "table" / "more").touch()
    assert fill(tmp_path / "table", []) == []
    assert sorted(p.name for p in (tmp_path / "table").iterdir()) == ["journal.jsonl", "pixels.bin"]


def test_a_disk_that_fills_up_within_a_class(
    tmp_path: Path, header: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = UnfinishedTable(tmp_path / "table", "toy", "this")
    table.add(classes()[0])
    write = unfinished._write

    def half(file: object, content: bytes | memoryview) -> None:
        write(file, memoryview(content)[:10])  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unfinished, "_write", half)
    with pytest.raises(OSError, match="No space"):
        table.add(classes()[1])
    table.close()
    monkeypatch.undo()
    assert fill(tmp_path / "table", []) == ["a"]
    assert finished(tmp_path / "table", classes()) == header


def test_another_size_is_refused_and_makes_the_rest_useless(tmp_path: Path) -> None:
    table = UnfinishedTable(tmp_path / "table", "toy", "this")
    table.add(classes()[0])
    with pytest.raises(
        BenchbenchError, match=r"^toy: class 'odd' has images of shape \[.*, the classes"
    ):
        table.add(DecodedClass("odd", np.zeros((1, 3, 3, 3), np.uint8)))
    assert table.useless
    table.close()
