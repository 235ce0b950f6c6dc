"""Writing TFRecord files of `tf.train.Example`."""

import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchbench.datasets.meta_dataset.tfrecords import libraries

KINDS = {bytes: "bytes_list", float: "float_list", int: "int64_list"}


def masked(data: bytes) -> bytes:
    crc = libraries()[0](data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32)


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def example(features: Mapping[str, Sequence[object]]) -> bytes:
    """An `Example`; an empty list is a feature without a kind."""
    message = libraries()[1]()
    for name, values in features.items():
        feature = message.features.feature[name]
        if values:
            getattr(feature, KINDS[type(values[0])]).value.extend(values)
    content: bytes = message.SerializeToString()
    return content


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
