"""Every file is an image, unreadable, or counted among those that are ignored."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from benchbench.datasets.reading.contents import Contents, contents_of
from benchbench.datasets.reading.file_tree import FileTree


def picture(encoding: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, encoding)
    return file.getvalue()


def contents(root: Path, files: dict[str, bytes]) -> Contents:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return contents_of(FileTree(root))


def test_endings_and_contents(tmp_path: Path) -> None:
    found = contents(
        tmp_path,
        {
            "a/1.png": b"named so",
            "a/2.jfif": picture("JPEG"),
            "a/3": picture("TIFF"),
            "a/4.jpg~": picture("JPEG"),
            "a/5.nef": picture("TIFF"),
            "a/6.txt": b"BM is how a bitmap begins",
            "a/7.h5": b"\x89HDF\r\n\x1a\n",
            "a/8": b"",
            "a/9.a very long and odd ending": b"",
            ".git/1.png": picture(),
            "__MACOSX/a/._1.png": b"",
        },
    )
    assert found.images == ["a/1.png", "a/2.jfif", "a/3", "a/4.jpg~"]
    assert found.by_content == {"without an ending": 1, "of odd endings": 1}
    assert found.ignored == {
        "hidden": 2,
        ".nef": 1,
        ".txt": 1,
        ".h5": 1,
        "without an ending": 1,
        "of odd endings": 1,
    }
    assert found.unreadable == []
    assert found.remarks(but=["a/6.txt"]) == [
        "6 files are no images and were ignored: 2 hidden, 1 .h5, 1 .nef, 1 of odd endings, "
        "1 without an ending.",
        "2 files are images by content alone: 1 of odd endings, 1 without an ending.",
    ]


def test_of_many_kinds_the_most_frequent_are_named(tmp_path: Path) -> None:
    files = {f"{number}.x{number}": b"" for number in range(7)} | {"8.x6": b""}
    (remark,) = contents(tmp_path, files).remarks()
    assert remark == (
        "8 files are no images and were ignored: 2 .x6, 1 .x0, 1 .x1, 1 .x2, 1 .x3 and 2 more."
    )


def test_one_file_alone(tmp_path: Path) -> None:
    assert contents(tmp_path, {"a.txt": b"", "b.png": b""}).remarks() == [
        "1 file is no image and was ignored: 1 .txt."
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_cannot_be_looked_into_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    found = contents(tmp_path, {"a/1.png": b""})
    assert (found.unreadable, found.images) == (["gone"], ["a/1.png", "gone.png"])
    assert found.ignored == {"devices and pipes": 1}
