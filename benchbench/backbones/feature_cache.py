"""A frozen backbone embeds each image of a split once.

A table of features belongs to (weights, images of a split, pre-processing). It is filled in blocks
of neighbouring images, each when one of its images is first needed. A block is always embedded
whole and in the same order, so that features do not depend on which episodes came first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from benchbench.method import Images, PixelSource
from benchbench.system.arrays import ByteArray, IntArray

if TYPE_CHECKING:
    from benchbench.backbones.base import Backbone

BLOCK = 256
"""Images embedded in one forward pass."""

MOST_BYTES = 2**30
"""Of all tables together; the oldest are dropped, and a split that needs more is not cached."""

Key = tuple[str, ...]
_tables: OrderedDict[Key, _Table] = OrderedDict()
_digests: deque[tuple[IntArray, str]] = deque(maxlen=8)


class _Table:
    """Features [images of the split, feature_size], and which blocks of them are filled."""

    def __init__(self, rows: IntArray, width: int, device: torch.device) -> None:
        self.rows = rows
        self.features = torch.empty((len(rows), width), dtype=torch.float32, device=device)
        self.filled = np.zeros(-(-len(rows) // BLOCK), dtype=bool)


def features(backbone: Backbone, images: Images) -> Tensor:
    """Features float32 [n, feature_size] of the images, from the table of their split."""
    source, wanted = images.block()
    rows = source.rows
    too_large = rows is not None and len(rows) * backbone.feature_size * 4 > MOST_BYTES
    if rows is None or too_large or not backbone.keeps_features:
        return _embedded(backbone, images.array)
    table = _table(backbone, source.fingerprint, source.split, rows)
    positions = np.searchsorted(rows, wanted)
    if not np.array_equal(rows.take(positions, mode="clip"), wanted):
        raise ValueError(f"an image is not in split '{source.split}'")
    for block in np.unique(positions // BLOCK):
        if not table.filled[block]:
            _fill(table, backbone, source, int(block))
    # index_select, as indexing with brackets wakes the other threads even for a few rows.
    return table.features.index_select(0, torch.from_numpy(positions).to(backbone.device))


def _table(backbone: Backbone, fingerprint: str, split: str, rows: IntArray) -> _Table:
    key = (backbone.weights_key(), fingerprint, split, _digest(rows), backbone.preprocessing)
    if key not in _tables:
        _tables[key] = _Table(rows, backbone.feature_size, backbone.device)
        while sum(table.features.nbytes for table in _tables.values()) > MOST_BYTES:
            _tables.popitem(last=False)
    _tables.move_to_end(key)
    return _tables[key]


def _digest(rows: IntArray) -> str:
    """The hash of the rows of a split, which may be addressed in more ways than one."""
    for known, digest in _digests:
        if known is rows:
            return digest
    _digests.append((rows, hashlib.sha256(rows.tobytes()).hexdigest()))
    return _digests[-1][1]


def _fill(table: _Table, backbone: Backbone, source: PixelSource, block: int) -> None:
    places = slice(block * BLOCK, (block + 1) * BLOCK)
    table.features[places] = _embedded(backbone, source.read(table.rows[places]))
    table.filled[block] = True


def _embedded(backbone: Backbone, array: ByteArray) -> Tensor:
    """Features float32 [n, feature_size], computed in parts that fit into memory.

    They are computed in float32 in a training's loss as well, where they may be kept for later.
    """
    size = backbone.images_at_once or max(1, len(array))
    parts = [array[start : start + size] for start in range(0, max(1, len(array)), size)]
    with torch.no_grad(), torch.autocast(backbone.device.type, enabled=False):
        return torch.cat([backbone.embed(backbone.prepare(part)).float() for part in parts])
