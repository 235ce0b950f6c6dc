"""TFRecord files: known bytes, what was written is read, damage is named, nothing else raises."""

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sentences import one_sentence
from support.tfrecord_writer import example, framed, masked

from benchbench.datasets.meta_dataset.tfrecords import libraries, read, scan
from benchbench.errors import BenchbenchError

EXAMPLES: list[dict[str, Any]] = [{"x": [b"one"]}, {}, {"x": [b"three" * 60], "y": [3]}]
RECORDS = [framed(example(features)) for features in EXAMPLES]

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(*(st.lists(kind, max_size=5) for kind in (st.binary(), INT64, FLOATS)))
FEATURES = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path, b"".join(RECORDS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose file each example of hypothesis overwrites."""
    return tmp_path_factory.mktemp("records")


def written(folder: Path, content: bytes) -> Path:
    file = folder / "7.tfrecords"
    file.write_bytes(content)
    return file


def test_checksum_in_a_file_that_tensorflow_wrote(tmp_path: Path) -> None:
    """Every event file of TensorBoard begins with a record of 24 bytes and so with this header."""
    header = b"\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7fK\x22"
    assert [record.length for record in scan(written(tmp_path, header + bytes(28)))] == [24]


@pytest.mark.parametrize(
    ("encoded", "values"),
    [
        ("0a0d0a0b0a01611206 0a040a026869", [b"hi"]),
        ("0a0f0a0d0a01611208 12060a040000003f", [0.5]),
        ("0a0c0a0a0a01611205 1a030a0101", [1]),
        ("0a0d0a0b0a01611206 1a0408010802", [1, 2]),  # not packed
        ("0a110a0f0a0161120a 0a030a0162 1a030a0101", [1]),  # of two kinds the last counts
        ("0a070a050a01611200", []),
    ],
)
def test_known_examples(tmp_path: Path, encoded: str, values: list[object]) -> None:
    """Features of the name `a`, encoded by hand."""
    file = written(tmp_path, framed(bytes.fromhex(encoded)))
    assert [read(record) for record in scan(file)] == [{"a": values}]


def test_last_of_one_name_counts(tmp_path: Path) -> None:
    file = written(tmp_path, framed(example({"x": [1]}) + example({"x": [2]})))
    assert read(scan(file)[0]) == {"x": [2]}


@given(features=FEATURES)
def test_what_was_written_is_read(folder: Path, features: dict[str, Any]) -> None:
    assert read(scan(written(folder, framed(example(features))))[0]) == features


def test_records_are_read_as_written(path: Path) -> None:
    records = scan(path)
    assert [record.number for record in records] == [0, 1, 2]
    assert [read(record) for record in records] == EXAMPLES


def test_empty_file_has_no_records(tmp_path: Path) -> None:
    assert scan(written(tmp_path, b"")) == []


def test_every_cut_is_found(path: Path) -> None:
    whole = path.read_bytes()
    ends = np.cumsum([0, *map(len, RECORDS)]).tolist()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        if length in ends:
            assert len(scan(path)) == ends.index(length)
            continue
        number = sum(end <= length for end in ends) - 1
        with one_sentence(f"7.tfrecords ends within record {number}; copy"):
            scan(path)


@given(position=st.integers(0, len(b"".join(RECORDS)) - 1), flip=st.integers(1, 255))
def test_every_changed_byte_is_found(folder: Path, position: int, flip: int) -> None:
    content = bytearray(b"".join(RECORDS))
    content[position] ^= flip
    file = written(folder, content)
    with one_sentence(r"7.tfrecords (is damaged|ends within)"):
        [read(record) for record in scan(file)]


def test_damage_names_the_record(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with one_sentence(r"7.tfrecords is damaged \(wrong checksum\) at record 2; copy or conv"):
        read(scan(path)[2])


@given(content=st.binary(max_size=200))
def test_any_file_is_refused_in_a_sentence(folder: Path, content: bytes) -> None:
    file = written(folder, content)
    try:
        assert not content or scan(file)
    except BenchbenchError as error:
        assert str(error).startswith(str(file))  # noqa: PT017


@given(data=st.binary(max_size=300))
def test_any_record_is_read_or_refused_in_a_sentence(folder: Path, data: bytes) -> None:
    file = written(folder, framed(data))
    try:
        assert isinstance(read(scan(file)[0]), dict)
    except BenchbenchError as error:
        assert str(error).startswith(f"{file} holds no tf.train.Example at record 0")  # noqa: PT017


@given(features=FEATURES, data=st.data())
def test_changed_examples_are_read_or_refused(folder, features, data) -> None:
    content = bytearray(example(features)) or bytearray(1)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    file = written(folder, framed(bytes(content)))
    try:
        assert isinstance(read(scan(file)[0]), dict)
    except BenchbenchError as error:
        assert str(error).startswith(f"{file} holds no tf.train.Example at record 0")  # noqa: PT017


@pytest.mark.parametrize("encoded", ["0a056162", "0a050a030a01ff", "80"])
def test_what_is_no_example(tmp_path: Path, encoded: str) -> None:
    """Longer than its message, a name that is not UTF-8, a number that ends nowhere."""
    file = written(tmp_path, RECORDS[0] + framed(bytes.fromhex(encoded)))
    with one_sentence(r"7.tfrecords holds no tf.train.Example at record 1;"):
        read(scan(file)[1])


def test_length_beyond_the_file_is_no_reason_to_allocate(tmp_path: Path) -> None:
    length = struct.pack("<Q", 2**60)
    file = written(tmp_path, length + masked(length) + b"little")
    with one_sentence("ends within record 0"):
        scan(file)


def test_file_that_is_cut_while_it_is_read(path: Path) -> None:
    record = scan(path)[2]
    path.write_bytes(path.read_bytes()[:-9])
    with one_sentence("ends within record 2"):
        read(record)


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with one_sentence("Cannot read"):
        scan(tmp_path / name)


def test_file_that_vanishes(path: Path) -> None:
    record = scan(path)[0]
    path.unlink()
    with one_sentence(r"Cannot read .*7.tfrecords"):
        read(record)


@pytest.mark.parametrize("name", ["google.protobuf", "google_crc32c"])
def test_libraries_that_are_missing(path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    libraries.cache_clear()
    monkeypatch.setitem(sys.modules, name, None)
    with one_sentence(r'protobuf and google-crc32c; pip install "benchbench\[tfrecords\]"\.$'):
        scan(path)
