"""A folder, a zip and tar archives read alike; what cannot be read is said in one sentence."""

import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from support.sentences import one_sentence

from benchbench.datasets.base import Dataset
from benchbench.datasets.reading.file_tree import (
    FileTree,
    TreeFile,
    UnreadableImageError,
    located,
    shown,
)
from benchbench.datasets.reading.images import (
    as_array,
    decode_all,
    decode_image,
    is_grey,
    mode_for,
    resize,
)
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.system.places import Places


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


@pytest.fixture(params=["folder", "zip", "tar", "gztar"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileTree]:
    folder = tmp_path / "files"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "empty").mkdir()
    if request.param == "folder":
        yield FileTree(folder)
    else:
        path = Path(shutil.make_archive(str(folder), request.param, folder))
        yield FileTree(path, tmp_path / "unpacked")


def test_a_compressed_tar_is_unpacked_into_the_cache_by_default(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one").write_bytes(b"1")
    path = shutil.make_archive(str(tmp_path / "files"), "gztar", tmp_path / "files")
    assert FileTree(Path(path)).read("one") == b"1"
    assert len(list((tmp_path / "cache" / "unpacked").glob("*.tar"))) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_links_have_names_and_devices_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "two").symlink_to(tmp_path / "a" / "one")
    (tmp_path / "a" / "nowhere").symlink_to(tmp_path / "missing")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    tree = FileTree(tmp_path)
    assert tree.names == ["a/nowhere", "a/one", "a/two"]
    assert (tree.special, tree.left_out.repeated) == (1, ["a/loop/"])


def test_the_first_bytes_of_a_file(tree: FileTree) -> None:
    assert {name: tree.start(name) for name in tree.names} == {
        name: content[:32] for name, content in FILES.items()
    }


def test_a_name_that_is_not_utf_8_can_be_written() -> None:
    assert shown("gro\udcdfe/été\ud800.png") == r"gro\udcdfe/été\ud800.png"
    assert str(UnreadableImageError("gro\udcdfe")) == r"gro\udcdfe"


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
    assert np.asarray(TreeFile(tree, "a/one.png").image()).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["a/deep/three.jpeg", "a/cut.png"])
def test_a_file_that_is_no_image_is_named(tree: FileTree, name: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        TreeFile(tree, name).image()
    assert str(caught.value) == name


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "one.png").write_bytes(FILES["a/one.png"])
    tree = FileTree(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UnreadableImageError, match=r"^one\.png$"):
        TreeFile(tree, "one.png").image()


def test_several_threads_may_read_one_archive(tmp_path: Path) -> None:
    contents = {f"{index:03}": bytes([index]) * 5000 for index in range(200)}
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    tree = FileTree(tmp_path / "many.zip")
    assert dict(zip(tree.names, in_parallel(tree.read, tree.names), strict=True)) == contents


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with one_sentence(r"^There is no folder or zip file .*/nowhere\.zip\.$"):
        FileTree(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("content", [b"", b"just text"], ids=["empty", "text"])
def test_a_file_that_is_no_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(content)
    with one_sentence("is neither a folder nor a readable zip") as caught:
        FileTree(path)
    assert str(path) in str(caught.value)


def test_a_zip_without_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.mkdir("only a folder")
    with one_sentence(r"^The zip file .*/images\.zip is empty; "):
        FileTree(tmp_path / "images.zip")


def test_a_zip_that_was_cut_short(tmp_path: Path) -> None:
    path = zipped(tmp_path / "images.zip")
    path.write_bytes(path.read_bytes()[:-40])
    with one_sentence(r"images\.zip .* nor a readable zip .* copy or down"):
        FileTree(path)


def test_a_zip_with_flipped_bits_names_the_damaged_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "images.zip")
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(10)
    path.write_bytes(content)
    tree = FileTree(path)
    with one_sentence(r"images\.zip is damaged at a/one\.png .* copy or"):
        TreeFile(tree, "a/one.png").image()
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


@dataclass
class Somewhere(Dataset):
    """A data set whose files are looked for."""

    name: ClassVar[str] = "somewhere"


def find(tmp_path: Path, *names: str, origin: Path | None = None) -> Path:
    dataset = Somewhere()
    dataset.origin = origin
    return located(dataset, Places(tmp_path / "root", tmp_path / "cache"), names, "Put it there.")


@pytest.mark.parametrize("ending", ["", ".zip", ".tar", ".tar.gz", ".tgz"])
@pytest.mark.parametrize("root", ["root", "cache/data"])
def test_files_are_located_by_name(tmp_path: Path, root: str, ending: str) -> None:
    place = tmp_path / root / f"sub/two{ending}"
    place.parent.mkdir(parents=True)
    place.touch()
    assert find(tmp_path, "one", "sub/two") == place


def test_the_data_root_comes_before_the_cache_and_a_folder_before_an_archive(tmp_path) -> None:
    for name in ("cache/data/one", "root/two.zip", "root/two"):
        (tmp_path / name).mkdir(parents=True)
    assert find(tmp_path, "one", "two") == tmp_path / "root" / "two"


def test_an_origin_is_used_in_place_of_all_names(tmp_path: Path) -> None:
    (tmp_path / "root" / "one").mkdir(parents=True)
    assert find(tmp_path, "one", origin=tmp_path) == tmp_path
    with one_sentence(r"^There is no folder or file .*/gone\.$"):
        find(tmp_path, "one", origin=tmp_path / "gone")


def test_files_that_are_nowhere(tmp_path: Path) -> None:
    with one_sentence(r"^Put it there\.$"):
        find(tmp_path, "one")


@pytest.fixture
def pictures(tmp_path: Path) -> FileTree:
    """Pictures of many kinds."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("L", (5, 4), 90).save(folder / "grey.png")
    Image.new("RGB", (5, 4), (255, 0, 0)).save(folder / "red.png")
    Image.new("RGB", (1, 1), (1, 2, 3)).save(folder / "dot.png")
    Image.fromarray(np.full((4, 4), 16384, np.uint16)).save(folder / "deep.png")
    Image.new("LAB", (4, 4)).save(folder / "proof.tif")
    turned = Image.Exif()
    turned[0x0112] = 6
    halves = Image.fromarray(np.repeat([[0, 200]], 8, axis=0).repeat(4, axis=1).astype(np.uint8))
    halves.save(folder / "turned.jpg", exif=turned, quality=95)
    (folder / "none.png").write_bytes(b"no image")
    return FileTree(folder)


@pytest.mark.parametrize(
    ("name", "mode", "corner"),
    [
        ("grey.png", "L", [90]),
        ("grey.png", "RGB", [90, 90, 90]),
        ("red.png", "L", [76]),
        ("red.png", "RGB", [255, 0, 0]),
        ("dot.png", "RGB", [1, 2, 3]),
        ("deep.png", "L", [64]),
    ],
)
def test_images_are_decoded_to_one_size(pictures, name, mode, corner) -> None:
    array = decode_image(TreeFile(pictures, name), 3, mode)
    assert array.dtype == np.uint8
    assert array.shape == (3, 3, len(corner))
    assert array[0, 0].tolist() == corner


@pytest.mark.parametrize("name", ["none.png", "proof.tif", "missing.png"])
def test_what_cannot_be_decoded_is_unreadable(pictures: FileTree, name: str) -> None:
    with pytest.raises(UnreadableImageError, match=name):
        decode_image(TreeFile(pictures, name), 3, "L")


def test_all_that_can_be_decoded_is_in_one_array(pictures: FileTree) -> None:
    files = [
        TreeFile(pictures, name) for name in ("none.png", "red.png", "missing.png", "grey.png")
    ]
    images, places, failures = decode_all(lambda file: decode_image(file, 3, "L"), files, (3, 3, 1))
    assert places == [1, 3]
    assert failures == ["none.png", "missing.png"]
    expected = [decode_image(files[place], 3, "L") for place in places]
    np.testing.assert_array_equal(images, np.stack(expected))
    assert decode_all(lambda file: file, [], (3, 3, 1))[0].shape == (0, 3, 3, 1)


def test_one_mode_fits_all_images_or_is_chosen(pictures: FileTree) -> None:
    grey, red = TreeFile(pictures, "grey.png"), TreeFile(pictures, "red.png")
    assert mode_for("auto", is_grey, [grey, grey]) == "L"
    assert mode_for("auto", is_grey, [grey, red]) == "RGB"
    assert (mode_for("grey", is_grey, [red]), mode_for("rgb", is_grey, [grey])) == ("L", "RGB")


def test_a_photograph_is_turned_upright(pictures: FileTree) -> None:
    array = decode_image(TreeFile(pictures, "turned.jpg"), 8, "L")
    assert array[0].max() < 20
    assert array[-1].min() > 180


@pytest.mark.parametrize(
    ("name", "grey"),
    [("grey.png", True), ("deep.png", True), ("none.png", True), ("red.png", False)],
)
def test_greys_are_known_by_their_header(pictures: FileTree, name: str, grey: bool) -> None:
    assert is_grey(TreeFile(pictures, name)) is grey


def test_a_coloured_header_of_a_broken_image_does_not_count(pictures: FileTree) -> None:
    Image.effect_noise((64, 64), 90).convert("RGB").save(pictures.path / "cut.png")
    content = pictures.read("cut.png")
    (pictures.path / "cut.png").write_bytes(content[: len(content) // 2])
    assert TreeFile(pictures, "cut.png").header().mode == "RGB"
    assert is_grey(TreeFile(pictures, "cut.png"))


def test_an_image_bomb_is_unreadable(pictures: FileTree) -> None:
    """A few bytes that say that they are 20 000 by 20 000 pixels."""
    content = bytearray(pictures.read("grey.png"))
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    (pictures.path / "bomb.png").write_bytes(content)
    with pytest.raises(UnreadableImageError, match="bomb"):
        TreeFile(pictures, "bomb.png").image()
    with pytest.raises(UnreadableImageError, match="bomb"):
        decode_image(TreeFile(pictures, "bomb.png"), 3, "L")
