"""TFRecord files of `tf.train.Example`, read without TensorFlow.

A record is its length (uint64, little-endian), the masked CRC-32C of these eight bytes (uint32),
the data, and the masked CRC-32C of the data. Both checksums are always verified, for a damaged JPEG
mostly decodes without complaint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from benchbench.errors import BenchbenchError

LENGTH_SIZE, CHECKSUM_SIZE = 8, 4
MASK_DELTA = 0xA282EAD8
SCHEMA = """name:"example.proto" syntax:"proto3"
message_type {name:"BytesList" field {name:"value" number:1 label:LABEL_REPEATED type:TYPE_BYTES}}
message_type {name:"FloatList" field {name:"value" number:1 label:LABEL_REPEATED type:TYPE_FLOAT}}
message_type {name:"Int64List" field {name:"value" number:1 label:LABEL_REPEATED type:TYPE_INT64}}
message_type {name:"Feature" oneof_decl {name:"kind"}
  field {name:"bytes_list" number:1 oneof_index:0 type_name:"BytesList"}
  field {name:"float_list" number:2 oneof_index:0 type_name:"FloatList"}
  field {name:"int64_list" number:3 oneof_index:0 type_name:"Int64List"}}
message_type {name:"Features"
  nested_type {name:"FeatureEntry" options {map_entry:true}
    field {name:"key" number:1 type:TYPE_STRING} field {name:"value" number:2 type_name:"Feature"}}
  field {name:"feature" number:1 label:LABEL_REPEATED type_name:"Features.FeatureEntry"}}
message_type {name:"Example" field {name:"features" number:1 type_name:"Features"}}"""

Values: TypeAlias = list[bytes] | list[int] | list[float]


class TFRecord(NamedTuple):
    """Where the data of a record are. number: counted from 0; offset, length: bytes."""

    path: Path
    number: int
    offset: int
    length: int

    def refusal(self, how: str) -> BenchbenchError:
        """The error of a file that is broken at this record."""
        return BenchbenchError(f"{self.path} {how} record {self.number}; copy or convert it again.")


@cache
def libraries() -> tuple[Callable[[bytes], int], Any, type[Exception]]:
    """CRC-32C, the message class of `SCHEMA`, and its error, from libraries that are optional."""
    try:
        from google.protobuf import descriptor_pb2, message, message_factory, text_format
        from google_crc32c import value as crc32c
    except ModuleNotFoundError as error:
        needs = "Reading .tfrecords needs the libraries protobuf and google-crc32c"
        raise BenchbenchError(f'{needs}; pip install "benchbench[tfrecords]".') from error
    file = text_format.Parse(SCHEMA, descriptor_pb2.FileDescriptorProto())
    return crc32c, message_factory.GetMessages([file])["Example"], message.DecodeError


def scan(path: Path) -> list[TFRecord]:
    """The records of a file, by their headers alone. Raises BenchbenchError if it is damaged."""
    records: list[TFRecord] = []
    offset = 0
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while offset < size:
                header = TFRecord(path, len(records), offset, LENGTH_SIZE)
                length = int.from_bytes(_content(file, header), "little")
                start = offset + LENGTH_SIZE + CHECKSUM_SIZE
                records.append(header._replace(offset=start, length=length))
                offset = start + length + CHECKSUM_SIZE
                if offset > size:
                    raise header.refusal("ends within")
    except OSError as error:
        raise BenchbenchError(f"Cannot read {path} ({error.strerror or error}).") from error
    return records


def read(record: TFRecord) -> dict[str, Values]:
    """A record's features by name. Raises BenchbenchError if it is damaged or no Example."""
    _, example, decode_error = libraries()
    try:
        with record.path.open("rb") as file:
            features = example.FromString(_content(file, record)).features.feature
    except OSError as error:
        raise BenchbenchError(f"Cannot read {record.path} ({error.strerror or error}).") from error
    except (decode_error, UnicodeDecodeError) as error:  # the latter if protobuf is pure Python
        raise record.refusal("holds no tf.train.Example at") from error
    return {
        name: list(getattr(feature, feature.WhichOneof("kind") or "bytes_list").value)
        for name, feature in features.items()
    }


def _content(file: BinaryIO, part: TFRecord) -> bytes:
    """The bytes of a record's data or length, if the masked checksum after them is theirs."""
    file.seek(part.offset)
    content = file.read(part.length + CHECKSUM_SIZE)
    if len(content) < part.length + CHECKSUM_SIZE:
        raise part.refusal("ends within")
    content, checksum = content[: part.length], content[part.length :]
    crc = libraries()[0](content)
    if ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF != int.from_bytes(checksum, "little"):
        raise part.refusal("is damaged (wrong checksum) at")
    return content
