"""The files below a folder: in order, through links, and each folder once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchbench.datasets.reading.walking import NotEntered, folders_below, is_hidden

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other links")


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names_below(folder: Path, left_out: NotEntered | None = None) -> list[str]:
    found = folders_below(folder, left_out)
    return [prefix + file.name for prefix, _, files in found for file in files]


def test_a_folder_s_own_files_come_before_those_deeper(tmp_path: Path) -> None:
    make(tmp_path, "b/2", "b/1", "a/x/3", "a/4", "z")
    assert names_below(tmp_path) == ["z", "a/4", "a/x/3", "b/1", "b/2"]


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    store = make(tmp_path / "store", "x/1", "x/deep/2")
    root = make(tmp_path / "root", "a/0")
    (root / "b").symlink_to(store / "x")
    (root / "c").symlink_to(store / "x")
    (root / "d").symlink_to(store / "x" / "deep")
    left_out = NotEntered()
    assert names_below(root, left_out) == ["a/0", "b/1", "b/deep/2"]
    assert left_out == NotEntered(repeated=["c/", "d/"])


@pytest.mark.parametrize("target", ["root", "root/a", ".", "root/b", "root/a/link"])
def test_links_to_what_is_read_anyway_are_not_followed(tmp_path: Path, target: str) -> None:
    root = make(tmp_path / "root", "a/1", "b/2")
    (root / "a" / "link").symlink_to(tmp_path / target)
    left_out = NotEntered()
    found = names_below(root, left_out)
    if target == "root/a/link":  # a link to itself is a file that cannot be read
        assert (found, left_out) == (["a/1", "a/link", "b/2"], NotEntered())
    else:
        assert (found, left_out) == (["a/1", "b/2"], NotEntered(repeated=["a/link/"]))


def test_a_hidden_store_below_the_folder_is_read_through_its_links(tmp_path: Path) -> None:
    root = make(tmp_path / "root", ".store/x/1")
    (root / "a").symlink_to(root / ".store" / "x")
    assert names_below(root) == [".store/x/1", "a/1"]


def test_many_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    """Every path through them would be a number of files with twelve digits."""
    store = tmp_path / "store"
    for one in range(15):
        make(store, f"{one}/file")
        for other in range(15):
            (store / f"{one}" / f"to {other}").symlink_to(store / f"{other}")
    root = make(tmp_path / "root", "own")
    (root / "link").symlink_to(store / "0")
    left_out = NotEntered()
    assert len(names_below(root, left_out)) == 16
    assert len(left_out.repeated) == 15 * 15 - 14


def test_what_may_not_be_read_is_told(tmp_path, monkeypatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    make(tmp_path, "a/1", "b/2", "c/b/3")
    monkeypatch.setattr(os, "scandir", refuse)
    left_out = NotEntered()
    assert names_below(tmp_path, left_out) == ["a/1"]
    assert left_out == NotEntered(unreadable=["b/", "c/b/"])


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("a/b.png", False),
        ("a/.b.png", True),
        (".a/b.png", True),
        ("__MACOSX/a/._b.png", True),
        ("a/@eaDir/b.png", True),
        ("a.b/c..png", False),
    ],
)
def test_hidden_names(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden
