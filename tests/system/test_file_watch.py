"""Watching what Python code does with files."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchbench.system import file_watch
from benchbench.system.file_watch import FileWatch, watch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("text")
    return root


@pytest.fixture
def watched(root: Path) -> Iterator[FileWatch]:
    with watch([root]) as begun:
        yield begun


EVENTS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "open": (lambda root: (root / "file").read_text(), {"file"}),
    "a descriptor": (lambda root: os.close(os.open(root / "file", os.O_RDONLY)), {"file"}),
    "listdir": (lambda root: os.listdir(root), {""}),
    "scandir": (lambda root: list(os.scandir(root / "folder")), {"folder"}),
    "rename": (lambda root: (root / "file").rename(root / "new"), {"file", "new"}),
    "move out": (lambda root: (root / "file").rename(root.parent / "f"), {"file"}),
    "move in": (lambda root: root.rename(root.parent / "f"), {""}),
    "remove": (lambda root: (root / "file").unlink(), {"file"}),
    "rmdir": (lambda root: (root / "folder").rmdir(), {"folder"}),
    "mkdir": (lambda root: (root / "new").mkdir(), {"new"}),
    "truncate": (lambda root: os.truncate(root / "file", 1), {"file"}),
    "link": (lambda root: os.link(root / "file", root.parent / "f"), {"file"}),
    "symlink": (lambda root: (root.parent / "f").symlink_to(root / "file"), {"file"}),
    "copyfile": (lambda root: shutil.copyfile(root / "file", root.parent / "f"), {"file"}),
    "rmtree": (lambda root: shutil.rmtree(root / "folder"), {"folder"}),
    "sqlite": (lambda root: sqlite3.connect(root / "file").close(), {"file"}),
    "bytes": (lambda root: open(os.fsencode(root / "file")).close(), {"file"}),
    "text": (lambda root: open(str(root / "file")).close(), {"file"}),
    "by way of another folder": (
        lambda root: open(root / "folder" / ".." / "file").close(),
        {"file"},
    ),
}


@pytest.mark.parametrize(("act", "names"), EVENTS.values(), ids=EVENTS.keys())
def test_events(
    root: Path, watched: FileWatch, act: Callable[[Path], object], names: set[str]
) -> None:
    act(root)
    assert {path for _, path in watched.drain()} == {str(root / name) for name in names}


def test_relative_paths(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "folder")
    with watch([root]) as watched:
        os.listdir()
        open("../file").close()
        sqlite3.connect(":memory:").close()
    assert watched.drain() == [("", str(root / "folder")), ("", str(root / "file"))]


def test_what_is_not_below_a_root_is_not_seen(root: Path, watched: FileWatch) -> None:
    (root.parent / "root-2").write_text("")
    with open(root.parent / "root-2") as file:
        os.listdir(root.parent)
        os.fdopen(os.dup(file.fileno())).close()
    assert watched.drain() == []


def test_phases_are_told_and_each_pair_is_told_once(root: Path, watched: FileWatch) -> None:
    for watched.phase in ("training", "evaluation"):
        for _ in range(2):
            (root / "file").read_text()
    path = str(root / "file")
    assert watched.drain() == [("training", path), ("evaluation", path)]
    assert watched.drain() == []


def test_attempts_count(root: Path, watched: FileWatch) -> None:
    with pytest.raises(FileNotFoundError):
        (root / "missing").read_text()
    assert watched.drain() == [("", str(root / "missing"))]


def test_a_link_to_the_root_may_name_it(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    with watch([tmp_path / "link"]) as watched:
        (tmp_path / "link" / "file").read_text()
        (root / "file").read_text()
    assert len(watched.drain()) == 2


def test_each_watch_has_its_own_roots_events_and_end(root: Path) -> None:
    first = watch([root / "file"])
    with watch(None, {"open"}) as everything:
        (root / "file").read_text()
        os.listdir(root)
    (root / "file").write_text("")
    first.close()
    (root / "file").unlink()
    assert first.drain() == [("", str(root / "file"))]
    assert everything.drain() == [("", str(root / "file"))]
    assert file_watch._watches == ()


def test_no_root_is_nothing(root: Path) -> None:
    with watch([]) as watched:
        (root / "file").read_text()
    assert watched.drain() == []
