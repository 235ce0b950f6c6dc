"""The messages in TFRecord files, `tf.train.Example`, read without TensorFlow or protobuf.

The schema: `Example {Features features = 1}`, `Features {map<string, Feature> feature = 1}`,
`Feature {oneof {BytesList bytes_list = 1, FloatList float_list = 2, Int64List int64_list = 3}}`,
each list `{repeated value = 1}`, numbers packed or not. The encoding is that of Protocol Buffers:
a key (field number and wire type) before every value. Fields that are not in the schema are passed
over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

Values: TypeAlias = list[bytes] | list[int] | list[float]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types; the two of groups (3 and 4) were given up before this schema was written."""

FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3
LONGEST_VARINT = 10


class ExampleError(ValueError):
    """Bytes that are no `tf.train.Example`."""


def parse_example(data: bytes) -> dict[str, Values]:
    """The features by name: a list of bytes, of ints (64 bits with a sign) or of floats.

    A feature without a kind is an empty list; of several under one name the last counts. Raises
    ExampleError for anything that does not follow the schema, and nothing else.
    """
    features: dict[str, Values] = {}
    for message in _messages(data, 1):
        for entry in _messages(message, 1):
            name, values = _map_entry(entry)
            features[name] = values
    return features


def _map_entry(entry: bytes) -> tuple[str, Values]:
    name, values = "", bytearray()
    for number, wire, value in _fields(entry):
        if number == 1:
            name = _text(_of_type(value, wire, BYTES))
        elif number == 2:
            values += _of_type(value, wire, BYTES)
    return name, _feature(bytes(values))


def _feature(data: bytes) -> Values:
    """The values of a feature: of one kind, the last, whose messages continue each other."""
    kind, content = BYTES_LIST, bytearray()
    for number, wire, value in _fields(data):
        if number in (BYTES_LIST, FLOAT_LIST, INT64_LIST):
            if number != kind:
                content.clear()
            kind = number
            content += _of_type(value, wire, BYTES)
    if kind == FLOAT_LIST:
        return _floats(bytes(content))
    if kind == INT64_LIST:
        return _integers(bytes(content))
    return list(_messages(bytes(content), 1))


def _floats(data: bytes) -> list[float]:
    packed = bytearray()
    for number, wire, value in _fields(data):
        if number == 1:
            packed += value if wire == BYTES else _of_type(value, wire, FIXED32)
    if len(packed) % 4:
        raise ExampleError("a list of floats ends within one")
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def _integers(data: bytes) -> list[int]:
    integers: list[int] = []
    for number, wire, value in _fields(data):
        if number != 1:
            continue
        packed = value if wire == BYTES else _of_type(value, wire, VARINT)
        position = 0
        while position < len(packed):
            integer, position = _varint(packed, position)
            integers.append(integer - (1 << 64) if integer >> 63 else integer)
    return integers


def _messages(data: bytes, wanted: int) -> Iterator[bytes]:
    """The values of one field of a message, each of them bytes."""
    for number, wire, value in _fields(data):
        if number == wanted:
            yield _of_type(value, wire, BYTES)


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Field number, wire type and value of each field; a value's bytes are as they stand."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if not 1 <= number < 1 << 29:
            raise ExampleError(f"{number} is not a field number")
        start, position = _extent(data, position, wire)
        if position > len(data):
            raise ExampleError(f"field {number} is longer than its message")
        yield number, wire, data[start:position]


def _extent(data: bytes, position: int, wire: int) -> tuple[int, int]:
    """Where the value that begins at `position` starts and ends."""
    if wire == VARINT:
        return position, _varint(data, position)[1]
    if wire == BYTES:
        length, position = _varint(data, position)
        return position, position + length
    if wire in FIXED_SIZES:
        return position, position + FIXED_SIZES[wire]
    raise ExampleError(f"{wire} is not a wire type of this schema")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The unsigned number of up to 64 bits that begins at `position`, and where it ends."""
    number = 0
    for count, byte in enumerate(data[position : position + LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if number >> 64:
                break
            return number, position + count + 1
    raise ExampleError("a number ends nowhere or has more than 64 bits")


def _of_type(value: bytes, wire: int, wanted: int) -> bytes:
    if wire != wanted:
        raise ExampleError(f"a value is of wire type {wire} in place of {wanted}")
    return value


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExampleError("a feature's name is not UTF-8") from error
