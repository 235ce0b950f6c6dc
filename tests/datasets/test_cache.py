"""The table of decoded images: written once, whole or not at all, and noticed when it is stale."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchbench.datasets.base import Dataset, DecodedClass
from benchbench.datasets.cache import Table, decoded_table
from benchbench.errors import BenchbenchError


def decoded(name: str, values: list[int], side: int = 2, **more: Any) -> DecodedClass:
    """A class of square images, each of one grey."""
    images = np.array(values, np.uint8)[:, None, None, None].repeat(side, 1).repeat(side, 2)
    return DecodedClass(name, images, **more)


def two_classes() -> list[DecodedClass]:
    return [decoded("a", [1, 2]), decoded("b", [3, 4, 5])]


@dataclass
class Listed(Dataset):
    """The classes that it is given; counts how often it decodes."""

    name: ClassVar[str] = "listed"
    variant: int = 0
    classes: list[DecodedClass] = field(default_factory=two_classes, kw_only=True)
    decodings: int = field(default=0, kw_only=True)

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        self.decodings += 1
        yield from self.classes


def table_of(cache: Path, *classes: DecodedClass) -> Table:
    return decoded_table(Listed(classes=list(classes)), [], cache)


def everything_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def the_table(cache: Path) -> Path:
    """The folder of the only table."""
    (folder,) = (cache / "datasets").iterdir()
    return folder


def test_what_was_decoded_is_read_back(tmp_path: Path) -> None:
    first = decoded("a", [1, 2], parent=("x", "y"), groups=["ann", "bob"])
    second = decoded("b", [3], parent=("x",), groups=["cid"])
    for _ in range(2):
        table = table_of(tmp_path, first, second)
        assert table.pixels[:, 1, 1, 0].tolist() == [1, 2, 3]
        assert table.labels.tolist() == [0, 0, 1]
        assert table.class_names == ["a", "b"]
        assert table.hierarchy == [("x", "y"), ("x",)]
        assert table.groups is not None
        assert table.groups.tolist() == ["ann", "bob", "cid"]


def test_the_fingerprint_covers_pixels_labels_and_shape(tmp_path: Path) -> None:
    pixels = bytes(value for value in (1, 2, 3, 4, 5) for _ in range(4))
    labels = np.array([0, 0, 1, 1, 1], "<i8").tobytes()
    expected = hashlib.sha256(pixels + labels + b"[2, 2, 1]").hexdigest()
    assert table_of(tmp_path, *two_classes()).fingerprint == expected


def test_names_and_groups_are_not_part_of_the_fingerprint(tmp_path: Path) -> None:
    plain = table_of(tmp_path / "1", decoded("a", [1, 2]))
    renamed = table_of(tmp_path / "2", decoded("z", [1, 2], groups=["ann", "bob"]))
    relabelled = table_of(tmp_path / "3", decoded("a", [1]), decoded("b", [2]))
    assert plain.fingerprint == renamed.fingerprint != relabelled.fingerprint


def test_pixels_are_memory_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    pixels = table_of(tmp_path, *two_classes()).pixels
    assert isinstance(pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_the_second_opening_decodes_nothing(tmp_path: Path) -> None:
    dataset = Listed()
    first, second = (decoded_table(dataset, [], tmp_path) for _ in range(2))
    assert dataset.decodings == 1
    assert first.fingerprint == second.fingerprint
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_another_parameter_is_another_table(tmp_path: Path) -> None:
    for variant in (0, 1, 0):
        decoded_table(Listed(variant), [], tmp_path)
    assert len(list((tmp_path / "datasets").iterdir())) == 2


def write_anew(folder: Path) -> None:
    (folder / "image").write_bytes(b"other content")


def write_same_size(folder: Path) -> None:
    (folder / "image").write_bytes(b"CONTENT")
    os.utime(folder / "image", ns=(1, 1))


def add(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "image").touch()


def rename(folder: Path) -> None:
    (folder / "image").rename(folder / "picture")


@pytest.mark.parametrize("change", [write_anew, write_same_size, add, rename])
def test_a_change_below_a_source_folder_decodes_anew(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "image").write_bytes(b"content")
    dataset = Listed()
    for _ in range(2):
        decoded_table(dataset, [source], tmp_path)
    assert dataset.decodings == 1
    change(source)
    decoded_table(dataset, [source], tmp_path)
    assert dataset.decodings == 2


@pytest.mark.parametrize("change", [write_anew, write_same_size])
def test_a_change_of_a_source_file_decodes_anew(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    (tmp_path / "image").write_bytes(b"content")
    dataset = Listed()
    decoded_table(dataset, [tmp_path / "image"], tmp_path / "cache")
    change(tmp_path)
    decoded_table(dataset, [tmp_path / "image"], tmp_path / "cache")
    assert dataset.decodings == 2


def test_empty_classes_are_left_out(tmp_path: Path) -> None:
    empty = DecodedClass("empty", np.empty((0, 0, 0, 0), np.uint8))
    table = table_of(tmp_path, empty, decoded("a", [1]), empty, decoded("b", [2]))
    assert table.class_names == ["a", "b"]
    assert table.labels.tolist() == [0, 1]


def test_groups_are_kept_only_where_every_class_has_them(tmp_path: Path) -> None:
    assert table_of(tmp_path, decoded("a", [1], groups=["ann"]), decoded("b", [2])).groups is None


def test_unreadable_files_are_reported_when_decoding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = decoded("a", [1], unreadable=["a/x", "a/y"]), decoded("b", [1], unreadable=["b/z"])
    table = table_of(tmp_path, *classes)
    assert table.unreadable == ["a/x", "a/y", "b/z"]
    assert capsys.readouterr() == (
        "",
        "listed: left out 3 unreadable file(s): a/x, a/y, b/z\n",
    )
    assert table_of(tmp_path, *classes).unreadable == ["a/x", "a/y", "b/z"]
    assert capsys.readouterr().err == ""


def test_of_many_unreadable_files_five_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table_of(tmp_path, decoded("a", [1], unreadable=list("uvwxyz")))
    assert capsys.readouterr().err.endswith("left out 6 unreadable file(s): u, v, w, x, y, ...\n")


def test_images_of_two_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"^listed: images of class 'b' differ in size\.$"):
        table_of(tmp_path, decoded("a", [1], side=2), decoded("b", [2], side=3))
    assert everything_below(tmp_path) == []


def test_no_image_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"^listed: no readable image was found\.$"):
        table_of(tmp_path)
    assert everything_below(tmp_path) == []


def test_a_decoder_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    class Failing(Listed):
        def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
            yield decoded("a", [1])
            raise RuntimeError("the second class")

    with pytest.raises(RuntimeError, match="the second class"):
        decoded_table(Failing(), [], tmp_path)
    assert everything_below(tmp_path) == []
    assert table_of(tmp_path, *two_classes()).class_names == ["a", "b"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def without_names(path: Path) -> None:
    header = json.loads(path.read_text())
    del header["class_names"]
    path.write_text(json.dumps(header))


def a_list(path: Path) -> None:
    path.write_text("[]")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("pixels.bin", cut),
        ("pixels.bin", remove),
        ("arrays.npz", cut),
        ("arrays.npz", empty),
        ("arrays.npz", remove),
        ("table.json", cut),
        ("table.json", empty),
        ("table.json", remove),
        ("table.json", without_names),
        ("table.json", a_list),
    ],
)
def test_a_damaged_table_is_one_sentence(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    table_of(tmp_path, *two_classes())
    folder = the_table(tmp_path)
    damage(folder / name)
    with pytest.raises(BenchbenchError, match=r"is damaged .* delete it and run again") as caught:
        table_of(tmp_path, *two_classes())
    assert str(folder) in str(caught.value)


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchbenchError, match=r"^Cannot write to the cache .*file.*\)") as caught:
        table_of(tmp_path / "file" / "cache", *two_classes())
    assert "set BENCHBENCH_CACHE to a folder you may write to" in str(caught.value)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **arrays: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(BenchbenchError, match="No space left on device"):
        table_of(tmp_path, *two_classes())
    assert everything_below(tmp_path) == []


SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from benchbench.datasets.base import Dataset, DecodedClass
from benchbench.datasets.cache import decoded_table

cache, marks, waits_for = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

class Slow(Dataset):
    name = "slow"

    def decode(self, sources):
        yield DecodedClass("a", np.full((3, 2, 2, 1), 7, np.uint8))
        (marks / sys.argv[4]).touch()
        while len(list(marks.iterdir())) < waits_for:
            time.sleep(0.01)
        yield DecodedClass("b", np.full((3, 2, 2, 1), 8, np.uint8))

table = decoded_table(Slow(), [], cache)
assert table.pixels[:, 0, 0, 0].tolist() == [7, 7, 7, 8, 8, 8]
print(table.fingerprint)
"""


def start_decoding(tmp_path: Path, waits_for: int, mark: str) -> subprocess.Popen[str]:
    """Another process that stops in the middle until `waits_for` marks are there."""
    marks = tmp_path / "marks"
    marks.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SLOW, str(tmp_path), str(marks), str(waits_for), mark]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def visible_tables(cache: Path) -> list[Path]:
    return [folder for folder in (cache / "datasets").iterdir() if folder.name[0] != "."]


def test_two_processes_at_once_end_with_one_table(tmp_path: Path) -> None:
    processes = [start_decoding(tmp_path, 2, mark) for mark in ("one", "two")]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0] == outputs[1]
    assert list((tmp_path / "datasets").iterdir()) == visible_tables(tmp_path)
    assert len(visible_tables(tmp_path)) == 1


def test_a_kill_while_decoding_leaves_nothing_visible(tmp_path: Path) -> None:
    victim = start_decoding(tmp_path, 99, "one")
    deadline = time.monotonic() + 60
    while not (tmp_path / "marks" / "one").exists():
        assert time.monotonic() < deadline
        assert victim.poll() is None, victim.communicate()
        time.sleep(0.01)
    victim.kill()
    victim.communicate(timeout=60)
    assert visible_tables(tmp_path) == []

    output, errors = start_decoding(tmp_path, 1, "two").communicate(timeout=60)
    assert len(output.strip()) == 64, errors
    assert len(visible_tables(tmp_path)) == 1
