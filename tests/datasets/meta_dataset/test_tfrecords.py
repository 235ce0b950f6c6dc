"""TFRecord files: published checksums, files of a plain writer, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfrecord_writer import framed, slow_crc32c

from benchbench.datasets.meta_dataset.tfrecords import crc32c, masked_crc32c, read, scan
from benchbench.errors import BenchbenchError

RECORDS = [b"one", b"", b"three" * 60]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "7.tfrecords"
    file.write_bytes(b"".join(map(framed, RECORDS)))
    return file


@pytest.mark.parametrize(
    ("data", "published"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_checksum_of_published_vectors(data: bytes, published: int) -> None:
    """RFC 3720, appendix B.4, and the check value of the catalogue of CRCs."""
    assert crc32c(data) == published


@pytest.mark.parametrize("length", [255, 256, 257, 259, 511, 512, 513, 1023, 1024, 1025, 5000])
def test_checksum_of_long_data(length: int) -> None:
    data = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8).tobytes()
    assert crc32c(data) == slow_crc32c(data)


def test_checksum_of_long_data_that_begin_with_zeros() -> None:
    data = bytes(700) + b"end"
    assert crc32c(data) == slow_crc32c(data)


def test_mask_is_undone_by_its_inverse() -> None:
    rotated = (masked_crc32c(b"123456789") - 0xA282EAD8) % 2**32
    assert (rotated >> 17 | rotated << 15) % 2**32 == 0xE3069283


def test_mask_in_a_file_that_tensorflow_wrote() -> None:
    """Every event file of TensorBoard begins with a record of 24 bytes and so with this header."""
    header = b"\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7fK\x22"
    assert header == struct.pack("<QI", 24, masked_crc32c(struct.pack("<Q", 24)))


def test_records_are_read_as_written(path: Path) -> None:
    records = scan(path)
    assert [record.number for record in records] == [0, 1, 2]
    assert [read(record) for record in records] == RECORDS


def test_empty_file_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert scan(tmp_path / "empty") == []


def test_every_cut_is_found(path: Path) -> None:
    whole = path.read_bytes()
    ends = np.cumsum([0, *(len(framed(record)) for record in RECORDS)]).tolist()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        if length in ends:
            assert len(scan(path)) == ends.index(length)
            continue
        number = sum(end <= length for end in ends) - 1
        with pytest.raises(BenchbenchError, match=f"7.tfrecords ends within record {number}; copy"):
            scan(path)


@given(position=st.integers(0, len(b"".join(map(framed, RECORDS))) - 1), flip=st.integers(1, 255))
def test_every_changed_byte_is_found(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int
) -> None:
    content = bytearray(b"".join(map(framed, RECORDS)))
    content[position] ^= flip
    file = tmp_path_factory.getbasetemp() / "changed.tfrecords"
    file.write_bytes(content)
    with pytest.raises(BenchbenchError, match=r"changed.tfrecords (is damaged at|ends within)"):
        [read(record) for record in scan(file)]


def test_damage_names_the_record(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(BenchbenchError, match=r"7.tfrecords is damaged at record 2 .*copy or conv"):
        read(scan(path)[2])


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.tfrecords"
    file.write_bytes(content)
    try:
        assert not content or scan(file)
    except BenchbenchError as error:
        assert str(error).startswith(str(file))  # noqa: PT017


def test_length_beyond_the_file_is_no_reason_to_allocate(tmp_path: Path) -> None:
    length = struct.pack("<Q", 2**60)
    file = tmp_path / "huge"
    file.write_bytes(length + struct.pack("<I", masked_crc32c(length)) + b"little")
    with pytest.raises(BenchbenchError, match="ends within record 0"):
        scan(file)


def test_file_that_is_cut_while_it_is_read(path: Path) -> None:
    record = scan(path)[2]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BenchbenchError, match="ends within record 2"):
        read(record)


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(BenchbenchError, match="Cannot read"):
        scan(tmp_path / name)


def test_file_that_vanishes(path: Path) -> None:
    record = scan(path)[0]
    path.unlink()
    with pytest.raises(BenchbenchError, match=r"Cannot read .*7.tfrecords"):
        read(record)
