"""Perceptual hashes of pictures, and the search for those that nearly agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchbench.system.arrays import ByteArray, FloatArray, IntArray

SIDE = 32  # pixels of the square to which pictures are averaged
LOW = 8  # frequencies of the hash along each side
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # grey of RGB (ITU-R BT.601)
ROWS_AT_ONCE = 512


def perceptual_hashes(images: ByteArray) -> NDArray[np.uint64]:
    """The DCT hash of images uint8 [n, h, w, c], [n].

    The picture is averaged to 32 x 32 greys. Each of the 8 x 8 lowest frequencies of its cosine
    transform gives one bit: whether it is above their median (the DCT based hash of Zauner,
    Implementation and benchmarking of perceptual image hash functions, 2010).
    """
    from scipy.fft import dct

    cosines = dct(np.eye(SIDE), axis=0, norm="ortho")[:LOW]
    rows, columns = (
        (cosines @ averaging(length, SIDE)).astype(np.float32) for length in images.shape[1:3]
    )
    low = (rows @ greys(images) @ columns.T).reshape(len(images), LOW * LOW)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def averaging(length: int, parts: int) -> FloatArray:
    """The matrix [parts, length] that averages pixels to `parts` by the area that they share."""
    ends, pixels = np.linspace(0, length, parts + 1), np.arange(length)
    overlap = np.minimum(ends[1:, None], pixels + 1) - np.maximum(ends[:-1, None], pixels)
    shared = overlap.clip(0)
    return np.asarray(shared / shared.sum(axis=1, keepdims=True))


def greys(images: ByteArray) -> NDArray[np.float32]:
    """Greys float32 [n, h, w]."""
    weights = LUMA if images.shape[3] == 3 else np.full(images.shape[3], 1 / images.shape[3])
    return np.asarray(images.astype(np.float32) @ weights.astype(np.float32))


def near(hashes: NDArray[np.uint64], distance: int) -> Iterator[IntArray]:
    """All pairs of hashes that differ in at most `distance` bits, each once, in blocks [2, p].

    This is multi-index hashing (Norouzi, Punjani & Fleet, CVPR 2012): at least one of distance + 1
    bands of bits is equal in both, so only hashes that share a band are compared.
    """
    bands = _bands(distance + 1)
    for position, band in enumerate(bands):
        keys = hashes & band
        order = np.argsort(keys, kind="stable")
        ends = np.flatnonzero(np.diff(keys[order])) + 1
        for members in np.split(order, ends):
            if len(members) > 1:
                yield from _near_in_bucket(hashes, members, distance, bands[:position])


def _bands(count: int) -> list[np.uint64]:
    """64 bits in `count` masks by turns, since bits of neighbouring frequencies often agree."""
    return [np.uint64(sum(1 << bit for bit in range(k, 64, count))) for k in range(count)]


def _near_in_bucket(
    hashes: NDArray[np.uint64], members: IntArray, distance: int, earlier: list[np.uint64]
) -> Iterator[IntArray]:
    """The near pairs in a bucket that no earlier band has found."""
    values = hashes[members]
    for start in range(0, len(members), ROWS_AT_ONCE):
        different = values[start : start + ROWS_AT_ONCE, None] ^ values[None, start:]
        left, right = np.nonzero(np.triu(_bits(different) <= distance, 1))
        new = np.ones(len(left), bool)
        for band in earlier:
            new &= (different[left, right] & band) != 0
        if new.any():
            yield members[start + np.stack([left[new], right[new]])]


_BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1, np.uint8)


def _bits(values: NDArray[np.uint64]) -> ByteArray:
    """The number of bits that are set in each."""
    if hasattr(np, "bitwise_count"):  # since NumPy 2
        return np.asarray(np.bitwise_count(values))
    single = _BITS_OF_BYTE[np.ascontiguousarray(values).view(np.uint8)]
    return np.asarray(single.reshape(*values.shape, 8).sum(-1, np.uint8))
