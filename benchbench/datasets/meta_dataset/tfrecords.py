"""TFRecord files, read without TensorFlow.

A record is its length (uint64, little-endian), the masked CRC-32C of these eight bytes (uint32),
the data, and the masked CRC-32C of the data. Both checksums are always verified, for a damaged JPEG
mostly decodes without complaint; that takes a fraction of the time of decoding it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError

HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
POLYNOMIAL = 0x82F63B78
"""Castagnoli's, with its bits reversed (RFC 3720, 12.1)."""
MASK_DELTA = 0xA282EAD8

Words: TypeAlias = NDArray[np.uint32]


class TFRecord(NamedTuple):
    """Where the data of a record are. number: counted from 0; offset, length: bytes."""

    path: Path
    number: int
    offset: int
    length: int


def scan(path: Path) -> list[TFRecord]:
    """The records of a file, by their headers alone.

    Raises BenchbenchError, which names the record, where the file ends within one or a length is
    damaged, and where it cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            return list(_scan(file, path, path.stat().st_size))
    except OSError as error:
        raise BenchbenchError(f"Cannot read {path} ({error.strerror or error}).") from error


def _scan(file: BinaryIO, path: Path, size: int) -> Iterator[TFRecord]:
    number = offset = 0
    while offset < size:
        file.seek(offset)
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            raise _truncated(path, number)
        length, checksum = HEADER.unpack(header)
        if masked_crc32c(header[:8]) != checksum:
            raise _damaged(path, number)
        record = TFRecord(path, number, offset + HEADER.size, length)
        offset = record.offset + length + CHECKSUM.size
        if offset > size:
            raise _truncated(path, number)
        yield record
        number += 1


def read(record: TFRecord) -> bytes:
    """A record's data. Raises BenchbenchError where they are damaged."""
    try:
        with record.path.open("rb") as file:
            file.seek(record.offset)
            content = file.read(record.length + CHECKSUM.size)
    except OSError as error:
        reason = error.strerror or error
        raise BenchbenchError(f"Cannot read {record.path} ({reason}).") from error
    if len(content) < record.length + CHECKSUM.size:
        raise _truncated(record.path, record.number)
    data = content[: record.length]
    if masked_crc32c(data) != CHECKSUM.unpack_from(content, record.length)[0]:
        raise _damaged(record.path, record.number)
    return data


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecord files store it: rotated right by 15 bits, then a constant added."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C of the data (RFC 3720, appendix B.4)."""
    return _of_short(data) if len(data) < 256 else _of_long(data)


def _of_short(data: bytes) -> int:
    table, crc = _byte_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _of_long(data: bytes) -> int:
    """The same by halving: the remainder is linear, so that those of neighbours can be added.

    Zeros in front change nothing while the register is zero, and starting from all ones is the same
    as inverting the first four bytes.
    """
    levels = max(0, (len(data) - 1) // 4).bit_length()
    padded = np.zeros(4 << levels, np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 0xFF
    words: Words = padded.view("<u4").astype(np.uint32, copy=False)
    for level in range(levels):
        words = _shifted(words[0::2], level) ^ words[1::2]
    return int(_shifted(words, 0)[0]) ^ 0xFFFFFFFF


def _shifted(registers: Words, level: int) -> Words:
    """Registers [n] after `4 * 2**level` further bytes that are zero."""
    tables = _shift_tables(level)
    octets = np.ascontiguousarray(registers, "<u4").view(np.uint8).reshape(-1, 4)
    shifted: Words = tables[0][octets[:, 0]]
    for position in (1, 2, 3):
        shifted ^= tables[position][octets[:, position]]
    return shifted


@cache
def _shift_tables(level: int) -> Words:
    """[4, 256]: what each value of each byte of a register becomes in `_shifted`."""
    if level > 0:
        return _shifted(_shift_tables(level - 1).ravel(), level - 1).reshape(4, 256)
    registers: Words = (np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8)[:, None]).astype(
        "u4"
    )
    table = np.array(_byte_table(), dtype=np.uint32)
    for _ in range(4):
        registers = table[registers & 0xFF] ^ (registers >> 8)
    return registers


@cache
def _byte_table() -> tuple[int, ...]:
    """The remainder of each byte."""
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = (entry >> 1) ^ (POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


def _truncated(path: Path, number: int) -> BenchbenchError:
    return BenchbenchError(f"{path} ends within record {number}; copy or convert it again.")


def _damaged(path: Path, number: int) -> BenchbenchError:
    return BenchbenchError(
        f"{path} is damaged at record {number} (its checksum is another); copy or convert it again."
    )
