"""The table of decoded images: written once, whole or not at all, and noticed when it is stale."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from filelock import FileLock

from benchbench.datasets.base import Dataset
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.tables import resumable, secret_order
from benchbench.datasets.tables.cache import Table, decoded_table
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
    """All files; a lock may stay."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


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


def test_a_finished_table_cannot_be_written_but_can_be_removed(tmp_path: Path) -> None:
    table_of(tmp_path, *two_classes())
    files = everything_below(the_table(tmp_path))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o444] * 3
    shutil.rmtree(the_table(tmp_path))
    assert table_of(tmp_path, *two_classes()).labels.tolist() == [0, 0, 1, 1, 1]


def on_disk(cache: Path) -> list[int]:
    """The greys of the only table's images, as they follow each other in the file."""
    return list((the_table(cache) / "pixels.bin").read_bytes()[::4])


def test_on_disk_images_lie_in_a_secret_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCHBENCH_SALT")
    values = list(range(100))
    orders = []
    for name in ("one", "other"):
        table = table_of(tmp_path / name, decoded("a", values[:40]), decoded("b", values[40:]))
        np.testing.assert_array_equal(table.pixels[:, 0, 0, 0], values)
        orders.append(on_disk(tmp_path / name))
        assert [orders[-1][place] for place in table.pixels.storage.places] == values
    assert sorted(orders[0]) == sorted(orders[1]) == values
    assert len({tuple(order) for order in (*orders, values)}) == 3


def test_a_salt_has_the_same_order_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []
    for number, salt in enumerate(["one", "one", "other"]):
        monkeypatch.setenv("BENCHBENCH_SALT", salt)
        table_of(tmp_path / str(number), decoded("a", list(range(100))))
        orders.append(on_disk(tmp_path / str(number)))
    assert orders[0] == orders[1] != orders[2]


def test_images_are_put_in_order_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_order, "BYTES_AT_ONCE", 9)
    table = table_of(tmp_path, decoded("a", list(range(9))))
    assert table.pixels[:, 1, 1, 0].tolist() == list(range(9))


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
    classes = decoded("a", [1], unreadable=["a/x", "a/y"]), decoded("b", [2], unreadable=["b/z"])
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
    with pytest.raises(
        BenchbenchError, match=r"^listed: class 'b' has images of shape \[.*, the classes"
    ):
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
    (folder / name).chmod(0o644)
    damage(folder / name)
    with pytest.raises(BenchbenchError, match=r"is damaged .* delete it and run again") as caught:
        table_of(tmp_path, *two_classes())
    assert str(folder) in str(caught.value)


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchbenchError, match=r"^Cannot write to the cache .*file.*\)") as caught:
        table_of(tmp_path / "file" / "cache", *two_classes())
    assert "set BENCHBENCH_CACHE to a folder with room that you may write to" in str(caught.value)


def test_a_cache_without_the_right_to_write_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(lock: FileLock, *arguments: object, **more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(BenchbenchError, match=r"^Cannot write to the cache .*Permission denied"):
        table_of(tmp_path, *two_classes())


def test_a_table_in_a_cache_that_is_only_read_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_of(tmp_path, *two_classes())
    monkeypatch.setattr(Path, "mkdir", None)
    monkeypatch.setattr(FileLock, "acquire", None)
    assert table_of(tmp_path, *two_classes()).class_names == ["a", "b"]


def full(*arguments: object, **more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_sentence_and_keeps_what_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(BenchbenchError, match="No space left on device"):
        table_of(tmp_path, *two_classes())
    monkeypatch.undo()
    assert visible_tables(tmp_path) == []
    announced = Announced()
    announced.open(tmp_path)
    assert announced.loaded == []


@dataclass
class Announced(Listed):
    """The same classes, announced; `loaded` are those that were decoded, `fails` is not."""

    loaded: list[str] = field(default_factory=list, kw_only=True)
    fails: str = field(default="", kw_only=True)
    error: BaseException = field(default_factory=lambda: BenchbenchError("torn"), kw_only=True)

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:  # type: ignore[override]
        for item in self.classes:
            yield PendingClass(item.name, partial(self.load, item))

    def load(self, item: DecodedClass) -> DecodedClass:
        if item.name == self.fails:
            raise self.error
        self.loaded.append(item.name)
        return item

    def open(self, cache: Path) -> Table:  # type: ignore[override]
        return decoded_table(self, [], cache)


def three_classes() -> list[DecodedClass]:
    third = decoded("c", [6], parent=("top",), groups=["ann"])
    first = decoded("a", [1, 2], unreadable=["a/x"], groups=["ann", "bob"])
    return [first, decoded("b", [3, 4, 5], groups=["bob", "bob", "cid"]), third]


@pytest.fixture
def expected(tmp_path: Path) -> Table:
    """The table of the three classes, decoded without an interruption."""
    return table_of(tmp_path / "expected", *three_classes())


def interrupt(cache: Path, fails: str, error: BaseException | None = None) -> None:
    """Decode the classes before the one that fails."""
    error = error or BenchbenchError("torn")
    with pytest.raises((type(error), BenchbenchError)):
        Announced(classes=three_classes(), fails=fails, error=error).open(cache)


def goes_on(cache: Path, expected: Table, loads: list[str]) -> None:
    """The next opening decodes these classes and has the same table in the end."""
    again = Announced(classes=three_classes())
    table = again.open(cache)
    assert again.loaded == loads
    assert table.fingerprint == expected.fingerprint
    np.testing.assert_array_equal(table.pixels, expected.pixels)
    np.testing.assert_array_equal(table.labels, expected.labels)
    np.testing.assert_array_equal(table.groups, expected.groups)
    for part in ("class_names", "hierarchy", "unreadable"):
        assert getattr(table, part) == getattr(expected, part)
    assert sorted(path.name for path in everything_below(the_table(cache))) == [
        "arrays.npz",
        "pixels.bin",
        "table.json",
    ]


@pytest.mark.parametrize(("fails", "loads"), [("a", "abc"), ("b", "bc"), ("c", "c")])
@pytest.mark.parametrize(
    "error",
    [BenchbenchError("torn"), OSError(5, "unplugged"), MemoryError(), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_decoding_goes_on_after_the_last_whole_class(
    tmp_path: Path, expected: Table, fails: str, loads: str, error: BaseException
) -> None:
    interrupt(tmp_path / "cache", fails, error)
    goes_on(tmp_path / "cache", expected, list(loads))


STEPS = [
    (np, "savez_compressed"),
    (resumable, "write_in_order"),
    (resumable, "whole_file"),
    (Path, "replace"),
    (Path, "chmod"),
]
"""What is called one after the other between the last class and the renaming of the folder."""


@pytest.mark.parametrize(
    ("owner", "name", "late"),
    [*((*step, late) for step in STEPS for late in (False, True)), (Path, "rename", False)],
)
def test_an_interruption_after_the_last_class_decodes_nothing_again(
    tmp_path: Path,
    expected: Table,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    late: bool,
) -> None:
    original = getattr(owner, name)

    def interrupted(*arguments: Any, **more: Any) -> None:
        if late:
            original(*arguments, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        Announced(classes=three_classes()).open(tmp_path / "cache")
    monkeypatch.undo()
    goes_on(tmp_path / "cache", expected, [])


def test_it_is_said_that_decoding_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt(tmp_path, "c")
    Announced(classes=three_classes()).open(tmp_path)
    assert "listed: resumes after 2 classes decoded before.\n" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_not_blamed_on_the_cache(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"^listed: an image file cannot be read .*unplug"):
        Announced(fails="b", error=OSError(5, "unplugged")).open(tmp_path)


def test_a_fault_of_the_decoder_keeps_nothing(tmp_path: Path, expected: Table) -> None:
    interrupt(tmp_path / "cache", "c", ZeroDivisionError())
    assert everything_below(tmp_path / "cache") == []
    goes_on(tmp_path / "cache", expected, ["a", "b", "c"])


def test_classes_that_are_not_announced_go_on_as_well(tmp_path: Path, expected: Table) -> None:
    interrupt(tmp_path / "cache", "c")
    table = table_of(tmp_path / "cache", *three_classes())
    assert table.fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    "classes", [three_classes()[::-1], three_classes()[:1]], ids=["other order", "fewer"]
)
def test_classes_announced_otherwise_than_before_are_decoded_anew(
    tmp_path: Path, classes: list[DecodedClass]
) -> None:
    interrupt(tmp_path / "cache", "c")
    again = Announced(classes=classes)
    table = again.open(tmp_path / "cache")
    assert again.loaded == [item.name for item in classes]
    assert table.fingerprint == table_of(tmp_path / "other", *classes).fingerprint


def test_what_another_identity_left_is_not_used(tmp_path: Path, expected: Table) -> None:
    interrupt(tmp_path / "cache", "c")
    (folder,) = (tmp_path / "cache" / "datasets").glob(".*.partial")
    first, *others = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join([first.replace('": "', '": "0'), *others]))
    goes_on(tmp_path / "cache", expected, ["a", "b", "c"])


def test_a_source_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"^There is no folder or file .*gone\.$"):
        decoded_table(Listed(), [tmp_path / "gone"], tmp_path)


SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from benchbench.datasets.base import Dataset
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.tables.cache import decoded_table

cache, marks, waits_for = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

class Slow(Dataset):
    name = "slow"

    def decode(self, sources):
        for number in range(3):
            yield PendingClass(str(number), lambda number=number: self.load(number))

    def load(self, number):
        (marks / f"{sys.argv[4]} {number}").touch()
        while number == 2 and not (marks / waits_for).exists():
            time.sleep(0.01)
        return DecodedClass(str(number), np.full((3, 2, 2, 1), number, np.uint8))

table = decoded_table(Slow(), [], cache)
assert table.pixels[:, 0, 0, 0].tolist() == [0] * 3 + [1] * 3 + [2] * 3
print(table.fingerprint)
"""


def start_decoding(tmp_path: Path, waits_for: str, mark: str) -> subprocess.Popen[str]:
    """Another process, which stops at the third class until the mark `waits_for` is there."""
    marks = tmp_path / "marks"
    marks.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SLOW, str(tmp_path), str(marks), waits_for, mark]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def marks_of(tmp_path: Path, mark: str) -> list[str]:
    return sorted(path.name[-1] for path in (tmp_path / "marks").glob(f"{mark} *"))


def whole_classes(tmp_path: Path) -> int:
    """Lines of the journal, less its first."""
    journals = list(tmp_path.glob("datasets/.slow-*.partial/journal.jsonl"))
    return journals[0].read_text().count("\n") - 1 if journals else 0


def visible_tables(cache: Path) -> list[Path]:
    return [folder for folder in (cache / "datasets").iterdir() if folder.name[0] != "."]


def test_of_two_processes_at_once_one_decodes_and_the_other_waits(tmp_path: Path) -> None:
    first = start_decoding(tmp_path, "go", "one")
    wait_until(lambda: whole_classes(tmp_path) == 2, first)
    second = start_decoding(tmp_path, "go", "two")
    assert second.stderr is not None
    said = second.stderr.readline()
    assert said == "slow: another process is decoding these images; waiting for it.\n"
    (tmp_path / "marks" / "go").touch()
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert outputs[0] == outputs[1] != ""
    assert marks_of(tmp_path, "two") == []
    assert list((tmp_path / "datasets").iterdir()) == visible_tables(tmp_path)
    assert len(visible_tables(tmp_path)) == 1


def test_after_a_kill_decoding_goes_on(tmp_path: Path) -> None:
    victim = start_decoding(tmp_path, "never", "one")
    wait_until(lambda: whole_classes(tmp_path) == 2, victim)
    victim.kill()
    victim.communicate(timeout=60)
    assert visible_tables(tmp_path) == []
    (tmp_path / "marks" / "go").touch()
    output, errors = start_decoding(tmp_path, "go", "two").communicate(timeout=60)
    pixels = bytes(number for number in range(3) for _ in range(12))
    labels = np.repeat(np.arange(3), 3).astype("<i8").tobytes()
    assert output.strip() == hashlib.sha256(pixels + labels + b"[2, 2, 1]").hexdigest(), errors
    assert marks_of(tmp_path, "two") == ["2"]
    assert len(visible_tables(tmp_path)) == 1


def test_who_waits_goes_on_where_the_other_was_killed(tmp_path: Path) -> None:
    victim = start_decoding(tmp_path, "never", "one")
    wait_until(lambda: whole_classes(tmp_path) == 2, victim)
    (tmp_path / "marks" / "go").touch()
    heir = start_decoding(tmp_path, "go", "two")
    assert heir.stderr is not None
    assert "waiting for it" in heir.stderr.readline()
    victim.kill()
    victim.communicate(timeout=60)
    output, errors = heir.communicate(timeout=60)
    assert len(output.strip()) == 64, errors
    assert marks_of(tmp_path, "two") == ["2"]


def test_ctrl_c_ends_soon_and_decoding_goes_on(tmp_path: Path) -> None:
    victim = start_decoding(tmp_path, "stop", "one")
    wait_until(lambda: whole_classes(tmp_path) == 2, victim)
    victim.send_signal(signal.SIGINT)
    (tmp_path / "marks" / "stop").touch()
    _, errors = victim.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert start_decoding(tmp_path, "stop", "two").communicate(timeout=60)[0]
    assert marks_of(tmp_path, "two") == ["2"]
