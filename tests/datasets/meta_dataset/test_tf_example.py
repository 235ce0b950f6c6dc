"""Examples: what a plain writer and protobuf encode is read back; nothing else gets through."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example as case
from hypothesis import given
from hypothesis import strategies as st
from tfrecord_writer import example, feature, field, varint

from benchbench.datasets.meta_dataset.tf_example import ExampleError, parse_example

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(*(st.lists(kind, max_size=5) for kind in (st.binary(), INT64, FLOATS)))
FEATURES = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


def wrapped(content: bytes, name: str = "x") -> bytes:
    """An example whose only feature is `content`, encoded."""
    entry = field(1, 2, name.encode()) + field(2, 2, content)
    return field(1, 2, field(1, 2, entry))


def protobuf_example() -> Any:
    """The message class that protobuf makes of the schema."""
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    from google.protobuf import descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="e.proto", package="e", syntax="proto3")
    lists = {"BytesList": 12, "FloatList": 2, "Int64List": 3}
    for name, kind in lists.items():
        file.message_type.add(name=name).field.add(name="value", number=1, label=3, type=kind)
    one = file.message_type.add(name="Feature")
    one.oneof_decl.add(name="kind")
    for number, name in enumerate(lists, start=1):
        one.field.add(
            name=name.lower(), number=number, label=1, type=11, type_name=name, oneof_index=0
        )
    several = file.message_type.add(name="Features")
    entry = several.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=1, type=9)
    entry.field.add(name="value", number=2, label=1, type=11, type_name="Feature")
    several.field.add(name="feature", number=1, label=3, type=11, type_name="Features.FeatureEntry")
    file.message_type.add(name="Example").field.add(
        name="features", number=1, label=1, type=11, type_name="Features"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("e.Example"))


@given(features=FEATURES, packed=st.booleans())
def test_what_was_written_is_read(features: dict[str, Any], packed: bool) -> None:
    assert parse_example(example(features, packed)) == features


def test_known_bytes() -> None:
    """The example {"a": int64_list [1]} by hand."""
    assert parse_example(bytes.fromhex("0a0c0a0a0a016112051a030a0101")) == {"a": [1]}


@given(features=FEATURES)
def test_what_protobuf_wrote_is_read(features: dict[str, Any]) -> None:
    message = protobuf_example()()
    for name, values in features.items():
        one = message.features.feature[name]
        kind = {bytes: "byteslist", float: "floatlist", int: "int64list"}
        for value in values:
            getattr(one, kind[type(value)]).value.append(value)
    assert parse_example(message.SerializeToString()) == features


@given(data=st.binary(max_size=64))
def test_protobuf_agrees_on_arbitrary_bytes(data: bytes) -> None:
    """What is accepted here protobuf accepts too, and reads alike."""
    message = protobuf_example()()
    try:
        found = parse_example(data)
    except ExampleError:
        return
    message.ParseFromString(data)
    assert set(found) == set(message.features.feature)


@given(data=st.binary(max_size=300))
@case(data=b"\x0a" * 60)
@case(data=b"\xff" * 40)
@case(data=field(1, 2, field(1, 2, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(parse_example(data), dict)
    except ExampleError as error:
        assert str(error)  # noqa: PT017


@given(features=FEATURES, data=st.data())
def test_changed_bytes_are_read_or_refused(features: dict[str, Any], data: st.DataObject) -> None:
    content = bytearray(example(features)) or bytearray(1)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        parse_example(bytes(content))
    except ExampleError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08\x01", "wire type 0 in place of 2"),
        (b"\x0b", "3 is not a wire type"),
        (b"\x0f", "7 is not a wire type"),
        (b"\x00\x00", "0 is not a field number"),
        (varint(2**32), "not a field number"),
        (b"\x0a\x05ab", "longer than its message"),
        (b"\x0a", "ends nowhere"),
        (b"\x80" * 10 + b"\x01", "more than 64 bits"),
        (b"\xff" * 9 + b"\x02", "more than 64 bits"),
        (wrapped(field(1, 5, b"abcd")), "wire type 5 in place of 2"),
        (wrapped(field(1, 2, field(1, 0, b"\x01"))), "wire type 0 in place of 2"),
        (wrapped(field(3, 2, field(1, 5, b"abcd"))), "wire type 5 in place of 0"),
        (wrapped(field(3, 2, field(1, 2, b"\x80"))), "ends nowhere"),
        (wrapped(field(2, 2, field(1, 2, b"abc"))), "list of floats ends within one"),
        (wrapped(field(2, 2, field(1, 0, b"\x01"))), "wire type 0 in place of 5"),
        (field(1, 2, field(1, 2, field(1, 2, b"\xff"))), "not UTF-8"),
        (field(1, 2, field(1, 2, field(1, 0, b"\x01"))), "wire type 0 in place of 2"),
    ],
)
def test_what_does_not_follow_the_schema(data: bytes, reason: str) -> None:
    with pytest.raises(ExampleError, match=reason):
        parse_example(data)


def test_fields_that_are_not_in_the_schema_are_passed_over() -> None:
    others = (
        field(9, 0, varint(5)) + field(9, 1, bytes(8)) + field(9, 2, b"?") + field(9, 5, b"abcd")
    )
    content = others + field(3, 2, others + field(1, 0, varint(-4)))
    assert parse_example(others + wrapped(content)) == {"x": [-4]}


def test_pieces_of_a_message_continue_each_other() -> None:
    numbers = feature([1, 2], packed=True) + feature([3], packed=False)
    assert parse_example(wrapped(numbers) + wrapped(b"", "y")) == {"x": [1, 2, 3], "y": []}


def test_last_kind_of_a_feature_counts() -> None:
    content = (
        feature([b"a"], packed=True) + feature([0.5], packed=True) + feature([b"b"], packed=True)
    )
    assert parse_example(wrapped(content)) == {"x": [b"b"]}


def test_last_of_one_name_counts() -> None:
    content = wrapped(feature([1], packed=True)) + wrapped(feature([2], packed=True))
    assert parse_example(content) == {"x": [2]}


def test_unusual_floats() -> None:
    values: Any = parse_example(example({"x": [math.inf, -0.0, math.nan]}))["x"]
    assert values[0] == math.inf
    assert math.copysign(1, values[1]) == -1
    assert math.isnan(values[2])
