"""A folder and a zip archive read alike; what cannot be read is said in one sentence."""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchbench.datasets.files import (
    FileTree,
    UnreadableImageError,
    as_array,
    in_parallel,
    resize,
)
from benchbench.errors import BenchbenchError


def png(array: np.ndarray | list[list[int]]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(file, "png")
    return file.getvalue()


FILES = {
    "b/two.PNG": png([[5, 6]]),
    "a/one.png": png([[1, 2], [3, 4]]),
    "a/deep/three.jpeg": b"no image",
    "a/cut.png": png([[1, 2], [3, 4]])[:-30],
    "notes.txt": b"notes",
    "a/.hidden.png": b"",
    ".trash/four.png": b"",
    "__MACOSX/a/._one.png": b"",
}


@pytest.fixture(params=["folder", "zip"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileTree]:
    folder = tmp_path / "files"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "empty").mkdir()
    if request.param == "folder":
        yield FileTree(folder)
    else:
        yield FileTree(Path(shutil.make_archive(str(folder), "zip", folder)))


def zipped(path: Path, content: bytes = bytes(range(256)) * 40) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.png", content)
        archive.writestr("a/two.png", content)
    return path


def test_names_are_relative_and_sorted(tree: FileTree) -> None:
    assert tree.names == sorted(FILES)


def test_images_are_found_by_ending_and_hidden_ones_left_out(tree: FileTree) -> None:
    assert tree.image_names() == ["a/cut.png", "a/deep/three.jpeg", "a/one.png", "b/two.PNG"]


def test_content_is_read(tree: FileTree) -> None:
    assert {name: tree.read(name) for name in tree.names} == FILES


def test_images_are_decoded(tree: FileTree) -> None:
    assert np.asarray(tree.image("a/one.png")).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["a/deep/three.jpeg", "a/cut.png"])
def test_a_file_that_is_no_image_is_named(tree: FileTree, name: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        tree.image(name)
    assert str(caught.value) == name


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "one.png").write_bytes(FILES["a/one.png"])
    tree = FileTree(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UnreadableImageError, match=r"^one\.png$"):
        tree.image("one.png")


def test_several_threads_may_read_one_archive(tmp_path: Path) -> None:
    contents = {f"{index:03}": bytes([index]) * 5000 for index in range(200)}
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    tree = FileTree(tmp_path / "many.zip")
    assert dict(zip(tree.names, in_parallel(tree.read, tree.names), strict=True)) == contents


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(
        BenchbenchError, match=r"^There is no folder or zip file .*/nowhere\.zip\.$"
    ):
        FileTree(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("content", [b"", b"just text"], ids=["empty", "text"])
def test_a_file_that_is_no_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(content)
    with pytest.raises(BenchbenchError, match="is not a folder and not a readable zip") as caught:
        FileTree(path)
    assert str(path) in str(caught.value)


def test_a_zip_without_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.mkdir("only a folder")
    with pytest.raises(BenchbenchError, match=r"^The zip file .*/images\.zip is empty; "):
        FileTree(tmp_path / "images.zip")


def test_a_zip_that_was_cut_short(tmp_path: Path) -> None:
    path = zipped(tmp_path / "images.zip")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BenchbenchError, match=r"images\.zip .* not a readable zip .* copy or down"):
        FileTree(path)


def test_a_zip_with_flipped_bits_names_the_damaged_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "images.zip")
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(10)
    path.write_bytes(content)
    tree = FileTree(path)
    with pytest.raises(BenchbenchError, match=r"images\.zip is damaged at a/one\.png .* copy or"):
        tree.image("a/one.png")
    assert tree.read("a/two.png") == bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("interpolation", "expected"),
    [("nearest", {0, 200}), ("box", {50}), ("bilinear", {50})],
)
def test_resizing_to_one_pixel(interpolation: str, expected: set[int]) -> None:
    image = Image.fromarray(np.array([[200, 0], [0, 0]], np.uint8))
    smaller = resize(image, 1, interpolation)
    assert smaller.size == (1, 1)
    assert smaller.getpixel((0, 0)) in expected


@pytest.mark.parametrize("interpolation", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
def test_an_image_of_the_right_size_is_left_untouched(interpolation: str) -> None:
    image = Image.fromarray(np.arange(9, dtype=np.uint8).reshape(3, 3))
    assert resize(image, 3, interpolation) is image


def test_an_oblong_image_becomes_square() -> None:
    image = Image.fromarray(np.array([[10, 10, 10, 30, 30, 30]] * 2, np.uint8))
    assert np.asarray(resize(image, 2, "box")).tolist() == [[10, 30], [10, 30]]


@pytest.mark.parametrize(("mode", "shape"), [("L", (2, 3, 1)), ("RGB", (2, 3, 3))])
def test_arrays_always_have_channels(mode: str, shape: tuple[int, ...]) -> None:
    array = as_array(Image.new(mode, (3, 2)))
    assert array.shape == shape
    assert array.dtype == np.uint8


def test_parallel_results_come_in_order() -> None:
    later = threading.Event()

    def work(name: str) -> str:
        if name == "first":
            later.wait(5)
        later.set()
        return name.upper()

    assert list(in_parallel(work, ["first", "second"])) == ["FIRST", "SECOND"]


def test_an_error_in_parallel_work_is_raised() -> None:
    def work(name: str) -> str:
        raise BenchbenchError(name)

    with pytest.raises(BenchbenchError, match="first"):
        list(in_parallel(work, ["first", "second"]))
