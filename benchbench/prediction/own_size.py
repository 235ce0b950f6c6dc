"""Pictures at their own size that a learner holds: encoded, one behind another, and as arrays."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.open_dataset import Pixels
from benchbench.datasets.reading.encoded_pictures import EncodedPictures, Reading
from benchbench.datasets.tables.encoded import HeldPictures
from benchbench.system.arrays import ByteArray
from benchbench.system.framing import at_own_size


def joined(first: Pixels, then: Pixels) -> Pixels:
    """The images of both: arrays uint8 [n, h, w, c], or `HeldPictures` that are read alike."""
    if not isinstance(first, HeldPictures):
        return np.concatenate([first, then])
    read = [partial(each.content, place) for each in (first, then) for place in range(len(each))]
    return HeldPictures(EncodedPictures(read, first.reading), first.reading)


def reading_of(pixels: Pixels) -> Reading | None:
    """How encoded pictures, addressed by id or place, become pixels; None of decoded images."""
    held = getattr(pixels, "reading", None)
    stored = getattr(getattr(pixels, "storage", None), "pixels", None)
    found: Reading | None = held or getattr(stored, "reading", None)
    return found


def images_sha256(pixels: Pixels) -> str:
    """The hash of images: of their pixels, or of the encoded bytes of each picture."""
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    if isinstance(pixels, HeldPictures):
        for place in range(len(pixels)):
            digest.update(hashlib.sha256(pixels.content(place)).digest())
    else:
        digest.update(pixels.tobytes())
    return digest.hexdigest()


def bytes_of(pixels: Pixels, ids: Sequence[int]) -> int:
    """How many bytes some images have, decoded or encoded."""
    if at_own_size(pixels.shape[1:]):
        return sum(len(pixels.content(number)) for number in ids)
    of_one: int = math.prod(pixels.shape[1:])
    return len(ids) * of_one


def as_arrays(pixels: Pixels, ids: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Some images as what a file of tensors holds; `from_arrays` reads them.

    Pictures at their own size are their encoded bytes end to end, and how many each has.
    """
    if not at_own_size(pixels.shape[1:]):
        return {"images": np.asarray(pixels[np.asarray(ids, np.int64)])}
    if not len(ids):
        return {"images": np.empty((0, *pixels.shape[1:]), np.uint8)}
    contents = [pixels.content(number) for number in ids]
    lengths = np.array(list(map(len, contents)), np.int64)
    return {"images": np.frombuffer(b"".join(contents), np.uint8), "lengths": lengths}


def from_arrays(arrays: Mapping[str, NDArray[Any]], reading: Reading | None) -> Pixels:
    """The images uint8 [n, h, w, c], or `HeldPictures`; reading: of the latter."""
    images: ByteArray = arrays["images"]
    if "lengths" not in arrays or reading is None:
        return images
    ends = np.cumsum(arrays["lengths"]).tolist()
    starts = chain([0], ends)
    contents = [images[start:end].tobytes() for start, end in zip(starts, ends, strict=False)]
    return HeldPictures(contents, reading)
