"""Pictures that are there twice, exactly or nearly.

Exact copies share the sha256 of their decoded pixels, or of the bytes of their files where pictures
keep their own size, which are compared by thumbnails. Near ones are found in two steps: 64-bit
perceptual hashes that differ in few bits give the candidates, and the correlation of the pictures
decides. The hash alone does not suffice: thousands of drawings of a few strokes share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.datasets.integrity.hashes import SIDE, averaging, greys, near, perceptual_hashes
from benchbench.datasets.tables.encoded import Thumbnails
from benchbench.system.arrays import BoolArray, ByteArray, IntArray
from benchbench.system.progress import meter

DISTANCE = 6
CORRELATION = 0.98
"""Two photographs of one subject, or two drawings of one character, correlate less; a copy at
another size, contrast or JPEG quality correlates more."""

MOST_PAIRS = 1_000_000
BYTES_AT_ONCE = 2**24
PAIRS_AT_ONCE = 4096


@dataclass(frozen=True)
class Scan:
    """What one reading of all images yields.

    digests: [n] of 32 bytes, the sha256 of shape and pixels, or of encoded bytes.
    hashes: uint64 [n], perceptual; constant: bool [n], one colour all over; grey: bool [n], equal
    channels in a colour image.
    """

    digests: NDArray[np.void]
    hashes: NDArray[np.uint64]
    constant: BoolArray
    grey: BoolArray


@dataclass(frozen=True)
class Pairs:
    """Pairs of images: ids int64 [n] `left` < `right`, correlation [n], and whether exact [n].

    Of several exact copies each is paired with the first. complete: whether none were left out.
    """

    left: IntArray
    right: IntArray
    correlation: NDArray[np.float32]
    exact: BoolArray
    complete: bool = True


def scan(pixels: Any, description: str = "reading") -> Scan:
    """Read all images once, in blocks. pixels: uint8 [n, h, w, c].

    Of thumbnails the digests are those of the encoded pictures.
    """
    count, height, width, channels = pixels.shape
    size = max(1, BYTES_AT_ONCE // (height * width * channels))
    found: list[tuple[Any, ...]] = []
    with meter(f"{description} (images)", count) as counter:
        for start in range(0, max(count, 1), size):
            block = np.ascontiguousarray(pixels[start : start + size])
            found.append(_scanned(block))
            if isinstance(pixels, Thumbnails):
                digests = np.array(pixels.digests(start, start + size), "V32")
                found[-1] = (digests, *found[-1][1:])
            counter.advance(len(block))
    return Scan(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _scanned(block: ByteArray) -> tuple[Any, ...]:
    shape = np.array(block.shape[1:], "<i8").tobytes()
    digests = np.array([hashlib.sha256(shape + image.data).digest() for image in block], "V32")
    first = block[:, :1, :1]
    constant = (block == first).all(axis=(1, 2, 3))
    grey = (block == block[..., :1]).all(axis=(1, 2, 3)) & (block.shape[3] > 1)
    return digests, perceptual_hashes(block), constant, grey


class Album:
    """The images of one data set, or of two behind each other, whatever their sizes."""

    def __init__(self, tables: Sequence[Any]) -> None:
        """tables: each uint8 [n, h, w, c]."""
        self._tables = tables
        self.starts = np.cumsum([0, *map(len, tables)])
        self._in_grey = len({table.shape[3] for table in tables}) > 1
        # Enlarging would blur the strokes of small drawings until they cannot be told apart.
        lengths = [length for table in tables for length in table.shape[1:3]]
        self._side = min(SIDE, *lengths)

    def thumbnails(self, ids: IntArray) -> NDArray[np.float32]:
        """Pictures of 32 x 32 or less, float32 [n, values], of mean 0 and length 1.

        ids: ascending.
        """
        starts = self.starts[:-1]
        of_tables = np.split(ids, np.searchsorted(ids, starts[1:]))
        parts = zip(self._tables, of_tables, starts, strict=True)
        flat = np.concatenate([self._small(table[own - start]) for table, own, start in parts])
        flat -= flat.mean(axis=1, keepdims=True)
        return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6))

    def _small(self, images: ByteArray) -> NDArray[np.float32]:
        rows, columns = (
            averaging(length, self._side).astype(np.float32) for length in images.shape[1:3]
        )
        planes = greys(images)[:, None] if self._in_grey else np.moveaxis(images, 3, 1)
        small = rows @ planes.astype(np.float32) @ columns.T
        return np.asarray(small.reshape(len(images), planes.shape[1] * self._side**2))

    def correlations(self, left: IntArray, right: IntArray) -> NDArray[np.float32]:
        """Pearson's r of each pair of pictures, [n]."""
        ids, places = np.unique(np.concatenate([left, right]), return_inverse=True)
        pictures = self.thumbnails(ids)
        one, other = pictures[places[: len(left)]], pictures[places[len(left) :]]
        return np.asarray(np.einsum("ij,ij->i", one, other))


def find_duplicates(
    tables: Sequence[Any],
    scans: Sequence[Scan],
    distance: int = DISTANCE,
    correlation: float = CORRELATION,
    groups: IntArray | None = None,
) -> Pairs:
    """The pairs of equal or nearly equal images of one data set, or between two data sets.

    tables, scans: one of each, or two, of which the second's ids follow the first's; pairs inside
    one of two are left out. groups: [n], such as the split of each image, so that copies in several
    groups are found in each; -1 leaves an image out. Images of one colour have no copies. At most a
    million near pairs are kept.
    """
    album = Album(tables)
    digests = np.concatenate([each.digests for each in scans])
    hashes = np.concatenate([each.hashes for each in scans])
    side = np.searchsorted(album.starts, np.arange(len(digests)), side="right")
    groups = np.zeros(len(digests), np.int64) if groups is None else groups
    ids = np.flatnonzero(~np.concatenate([each.constant for each in scans]) & (groups >= 0))

    alone, pairs = _exact(digests, ids, 2 * groups + side % 2, side if len(tables) > 1 else None)
    exact = np.ones(pairs.shape[1], bool)
    found = [Pairs(pairs[0], pairs[1], exact.astype(np.float32), exact)]
    total = 0
    for batch in _batches(near(hashes[alone], distance)):
        one, other = np.sort(alone[batch], axis=0)
        different = digests[one] != digests[other]
        if len(tables) > 1:
            different &= side[one] != side[other]
        one, other = one[different], other[different]
        values = album.correlations(one, other) if len(one) else np.empty(0, np.float32)
        kept = values >= correlation
        found.append(Pairs(one[kept], other[kept], values[kept], np.zeros(kept.sum(), bool)))
        total += int(kept.sum())
        if total >= MOST_PAIRS:
            break
    return _joined(found, total < MOST_PAIRS)


def _exact(
    digests: NDArray[np.void], ids: IntArray, groups: IntArray, side: IntArray | None
) -> tuple[IntArray, IntArray]:
    """The first of each picture in each group, and the pairs of equal pictures, [2, p].

    A copy is paired with the first of its group; the first of a group with the first of all, or of
    the other side if there are two.
    """
    _, pictures = np.unique(digests[ids], return_inverse=True)
    frame = pd.DataFrame({"id": ids, "picture": pictures, "group": groups[ids]})
    first = frame.groupby(["picture", "group"])["id"].transform("min")
    alone = frame[first == frame["id"]]
    if side is None:
        of_all = frame.groupby("picture")["id"].transform("min")
        partners = first.where(first != frame["id"], of_all)
        pairs = np.stack([partners, frame["id"]])
    else:
        here = side[alone["id"]] == side.min()
        partners = alone[~here].groupby("picture")["id"].min().rename("partner")
        paired = alone[here].join(partners, on="picture", how="inner")
        pairs = paired[["id", "partner"]].to_numpy(np.int64).T
    return alone["id"].to_numpy(), pairs[:, pairs[0] != pairs[1]]


def _batches(blocks: Iterable[IntArray]) -> Iterator[IntArray]:
    """Blocks of pairs [2, p], joined or cut to a size whose pictures fit in memory."""
    waiting = np.empty((2, 0), np.int64)
    for block in blocks:
        waiting = np.concatenate([waiting, block], axis=1)
        while waiting.shape[1] >= PAIRS_AT_ONCE:
            yield waiting[:, :PAIRS_AT_ONCE]
            waiting = waiting[:, PAIRS_AT_ONCE:]
    yield waiting


def _joined(found: list[Pairs], complete: bool) -> Pairs:
    """The exact ones first, then by correlation."""
    left, right, correlation, exact = (
        np.concatenate([getattr(pairs, name) for pairs in found])
        for name in ("left", "right", "correlation", "exact")
    )
    order = np.lexsort([right, left, -correlation, ~exact])
    return Pairs(left[order], right[order], correlation[order], exact[order], complete)
