"""Writing TFRecord files of `tf.train.Example` as slowly and plainly as the formats are defined."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def slow_crc32c(data: bytes) -> int:
    """Bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = slow_crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32)


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number: int) -> bytes:
    number %= 1 << 64
    octets = bytearray()
    while number > 127:
        octets.append(number % 128 + 128)
        number //= 128
    return bytes([*octets, number])


def field(number: int, wire: int, value: bytes) -> bytes:
    return varint(number * 8 + wire) + (varint(len(value)) if wire == 2 else b"") + value


def feature(values: Sequence[bytes] | Sequence[int] | Sequence[float], packed: bool) -> bytes:
    """A `Feature`; an empty list is one without a kind."""
    if not values:
        return b""
    if isinstance(values[0], bytes):
        return field(1, 2, b"".join(field(1, 2, value) for value in values))
    kind, wire = (3, 0) if isinstance(values[0], int) else (2, 5)
    numbers = [varint(v) if isinstance(v, int) else struct.pack("<f", v) for v in values]
    if packed:
        return field(kind, 2, field(1, 2, b"".join(numbers)))
    return field(kind, 2, b"".join(field(1, wire, number) for number in numbers))


def example(features: Mapping[str, Sequence[object]], packed: bool = True) -> bytes:
    entries = [
        field(1, 2, name.encode()) + field(2, 2, feature(values, packed))
        for name, values in features.items()
    ]
    return field(1, 2, b"".join(field(1, 2, entry) for entry in entries))


def encoded(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def write_class(path: Path, label: int, images: Iterable[Image.Image]) -> None:
    """One class of Meta-Dataset's records, without loss."""
    records = [example({"label": [label], "image": [encoded(image)]}) for image in images]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(framed, records)))


def plain(grey: int, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Image.Image:
    """An image of one grey."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    return Image.fromarray(np.full(shape, grey, np.uint8))
