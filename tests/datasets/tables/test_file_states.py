"""What the files of a data set are like: each is looked at, or of very many the folders alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.datasets.tables import file_states as states
from benchbench.datasets.tables.file_states import forget_if_changed, state_of, states_of

LONG_AGO = 10**18


def test_the_state_of_a_folder_is_what_it_was_in_older_versions(tmp_path: Path) -> None:
    """Else every table of theirs would be decoded anew."""
    digest = hashlib.sha256()
    for name in ("z", "a/4", "a/x/3", "b/1"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1" * len(name))
        os.utime(path, ns=(5, 7 * len(name)))
        digest.update(f"{name}|{len(name)}|{7 * len(name)}\n".encode())
    assert state_of(tmp_path) == [str(tmp_path), digest.hexdigest()]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other names")
def test_names_that_are_not_utf_8_count_by_their_bytes(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"gro\xdfe|1|7\n")
    path = tmp_path / os.fsdecode(b"gro\xdfe")
    path.write_bytes(b"1")
    os.utime(path, ns=(5, 7))
    assert state_of(tmp_path) == [str(tmp_path), digest.hexdigest()]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other links")
def test_what_links_lead_to_is_a_part_of_the_state(tmp_path: Path) -> None:
    view, store = tmp_path / "view", tmp_path / "store"
    for folder in (view, store / "folder"):
        folder.mkdir(parents=True)
    (view / "file").symlink_to(store / "1")
    (view / "folder").symlink_to(store / "folder")
    seen = [state_of(view)]
    for name, content in (("1", b"1"), ("1", b"22"), ("folder/2", b"3"), ("folder/2", b"44")):
        (store / name).write_bytes(content)
        seen.append(state_of(view))
    assert len({digest for _, digest in seen}) == 5


@pytest.fixture
def surveys(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Four files count as very many; the folders whose files were looked at."""
    monkeypatch.setattr(states, "MANY_FILES", 3)
    monkeypatch.setattr(states, "FILES_PER_FOLDER", 1)
    looked: list[Path] = []
    surveyed = states._surveyed

    def watched(path: Path) -> object:
        looked.append(path)
        return surveyed(path)

    monkeypatch.setattr(states, "_surveyed", watched)
    return looked


@pytest.fixture
def many(tmp_path: Path) -> list[Path]:
    """Two folders with four files in all and two more folders; they changed long ago."""
    for name in ("a/1", "a/deep/2", "b/3", "b/4"):
        path = tmp_path / "many" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    (tmp_path / "many" / "b" / "empty").mkdir()
    settle(tmp_path / "many")
    return [tmp_path / "many" / "a", tmp_path / "many" / "b"]


def settle(root: Path) -> None:
    """As if all folders had changed long ago, each at another time."""
    for number, folder in enumerate(sorted(path for path in root.rglob("*") if path.is_dir())):
        os.utime(folder, ns=(LONG_AGO + number, LONG_AGO + number))


def test_what_very_many_files_are_like_is_remembered(
    tmp_path: Path, many: list[Path], surveys: list[Path]
) -> None:
    expected = [state_of(folder) for folder in many]
    surveys.clear()
    for _ in range(3):
        assert states_of(many, tmp_path / "cache") == expected
    assert surveys == many


def rename(root: Path) -> None:
    (root / "a" / "1").rename(root / "a" / "one")


def replace(root: Path) -> None:
    (root / "new").write_bytes(b"other")
    (root / "new").replace(root / "a" / "deep" / "2")


def fill(root: Path) -> None:
    (root / "b" / "empty" / "5").touch()


def remove_folder(root: Path) -> None:
    shutil.rmtree(root / "a" / "deep")


def exchange(root: Path) -> None:
    """Another folder of the same date in its place."""
    date = (root / "b").stat().st_mtime_ns
    shutil.copytree(root / "b", root / "copy")
    (root / "copy" / "3").write_bytes(b"other content")
    (root / "b").rename(root / "old")
    (root / "copy").rename(root / "b")
    os.utime(root / "b", ns=(date, date))


@pytest.mark.skipif(os.name == "nt", reason="Windows has other links")
def test_files_that_links_lead_to_are_looked_at_again_if_they_were_replaced(
    tmp_path: Path, many: list[Path], surveys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "FILES_PER_FOLDER", 0)
    for name in ("1", "deep/2"):
        (tmp_path / "store" / name).parent.mkdir(parents=True, exist_ok=True)
        (many[0] / name).rename(tmp_path / "store" / name)
        (many[0] / name).symlink_to(tmp_path / "store" / name)
    settle(tmp_path)
    before = states_of(many, tmp_path / "cache")
    (tmp_path / "store" / "new").write_bytes(b"other")
    (tmp_path / "store" / "new").replace(tmp_path / "store" / "1")
    assert states_of(many, tmp_path / "cache") != before
    settle(tmp_path)
    before = states_of(many, tmp_path / "cache")
    (tmp_path / "store" / "deep" / "2").write_bytes(b"another")  # in place
    assert forget_if_changed(many, tmp_path / "cache")
    assert states_of(many, tmp_path / "cache") != before


@pytest.mark.parametrize("change", [rename, replace, fill, remove_folder, exchange])
def test_a_folder_that_changed_is_looked_through_again(
    tmp_path: Path, many: list[Path], surveys: list[Path], change: Callable[[Path], None]
) -> None:
    before = states_of(many, tmp_path / "cache")
    change(tmp_path / "many")
    after = states_of(many, tmp_path / "cache")
    assert after != before
    assert after == [state_of(folder) for folder in many]


def test_a_file_that_was_rewritten_is_found_by_a_look_at_each(
    tmp_path: Path, many: list[Path], surveys: list[Path]
) -> None:
    before = states_of(many, tmp_path / "cache")
    assert not forget_if_changed(many, tmp_path / "cache")
    (many[0] / "1").write_bytes(b"other content")
    assert states_of(many, tmp_path / "cache") == before
    assert forget_if_changed(many, tmp_path / "cache")
    assert states_of(many, tmp_path / "cache") != before


def test_few_files_are_looked_at_each_time(
    tmp_path: Path, many: list[Path], surveys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "MANY_FILES", 4)
    before = states_of(many, tmp_path / "cache")
    (many[0] / "1").write_bytes(b"other content")
    assert states_of(many, tmp_path / "cache") != before
    assert not (tmp_path / "cache").exists()
    assert not forget_if_changed(many, tmp_path / "cache")


def test_as_many_folders_as_files_are_not_remembered(
    tmp_path: Path, many: list[Path], surveys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "FILES_PER_FOLDER", 2)
    states_of(many, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_what_has_just_changed_is_not_trusted(
    tmp_path: Path, many: list[Path], surveys: list[Path]
) -> None:
    os.utime(many[1])
    states_of(many, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_file_beside_the_folders_is_looked_at_each_time(
    tmp_path: Path, many: list[Path], surveys: list[Path]
) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(b"1")
    sources = [many[0], archive, many[1]]
    before = states_of(sources, tmp_path / "cache")
    assert [state[0] for state in before] == list(map(str, sources))
    archive.write_bytes(b"22")
    after = states_of(sources, tmp_path / "cache")
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    assert surveys == many


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"states": 1, "folders": [1]}', "\xff"])
def test_a_damaged_memory_is_made_anew(
    tmp_path: Path, many: list[Path], surveys: list[Path], content: str
) -> None:
    expected = states_of(many, tmp_path / "cache")
    (memory,) = (tmp_path / "cache" / "states").iterdir()
    good = memory.read_text(encoding="utf-8")
    memory.write_text(content, encoding="latin1")
    assert states_of(many, tmp_path / "cache") == expected
    assert json.loads(memory.read_text(encoding="utf-8")) == json.loads(good)


def test_a_cache_that_cannot_be_written_remembers_nothing(
    tmp_path: Path, many: list[Path], surveys: list[Path]
) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        assert states_of(many, tmp_path / "file" / "cache") == [state_of(each) for each in many]
