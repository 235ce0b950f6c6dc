"""A frozen backbone embeds each image of a split once.

A table of features belongs to (weights, images of a split, pre-processing). It is filled in blocks
of neighbouring images, each when one of its images is first needed. A block is always embedded
whole and in the same order, so that features do not depend on which episodes came first. A table
that is on disk (`feature_store`) was filled in the same blocks.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from benchbench.backbones.feature_store import FeatureKey, StoredFeatures
from benchbench.images import Images, PixelSource
from benchbench.system.arrays import IntArray
from benchbench.system.progress import say_once

if TYPE_CHECKING:
    from benchbench.backbones.base import Backbone

BLOCK = 256
"""Images embedded in one forward pass."""

MOST_BYTES = 2**30
"""Of all tables together; the oldest are dropped, and a split that needs more is not cached."""

Key = tuple[str, ...]
_tables: OrderedDict[Key, _Table] = OrderedDict()
_digests: deque[tuple[IntArray, str]] = deque(maxlen=8)
_offered: list[StoredFeatures] = []


class _Table:
    """Features [images of the split, feature_size], and which blocks of them are filled.

    from_disk: whether all are, and take no memory of their own.
    """

    def __init__(self, rows: IntArray, features: Tensor, from_disk: bool) -> None:
        self.rows, self.features = rows, features
        self.filled = np.full(-(-len(rows) // BLOCK), from_disk)
        self.bytes = 0 if from_disk else features.nbytes


def use(stored: Iterable[StoredFeatures]) -> None:
    """Take these features from disk, and no others, where they are those that are needed."""
    _offered[:] = stored


def features(backbone: Backbone, images: Images) -> Tensor:
    """Features float32 [n, feature_size] of the images, from the table of their split."""
    source, wanted = images.block()
    rows = source.rows
    if rows is None or not backbone.keeps_features:
        return embedded(backbone, images)
    table = _table(backbone, source, rows)
    if table is None:
        return embedded(backbone, images)
    positions = np.searchsorted(rows, wanted)
    if not np.array_equal(rows.take(positions, mode="clip"), wanted):
        raise ValueError(f"an image is not in split '{source.split}'")
    for block in np.unique(positions // BLOCK):
        if not table.filled[block]:
            _fill(table, backbone, source, int(block))
    # index_select, as indexing with brackets wakes the other threads even for a few rows.
    return table.features.index_select(0, torch.from_numpy(positions).to(backbone.device))


def _table(backbone: Backbone, source: PixelSource, rows: IntArray) -> _Table | None:
    """The table of a split, empty if it is new; None if it would be too large."""
    origin = source.fingerprint, source.split, _digest(rows)
    key = (backbone.weights_key(), *origin, backbone.preprocessing)
    if key not in _tables:
        table = _from_disk(backbone, source, rows)
        if table is None:
            shape = len(rows), backbone.feature_size
            if shape[0] * shape[1] * 4 > MOST_BYTES:
                return None
            empty = torch.empty(shape, dtype=torch.float32, device=backbone.device)
            table = _Table(rows, empty, from_disk=False)
        _tables[key] = table
        while sum(table.bytes for table in _tables.values()) > MOST_BYTES:
            _tables.popitem(last=False)
    _tables.move_to_end(key)
    return _tables[key]


def _from_disk(backbone: Backbone, source: PixelSource, rows: IntArray) -> _Table | None:
    """The table if it is on disk, made in the circumstances of this process."""
    if not any(each.key.images == source.fingerprint for each in _offered):
        return None
    key = FeatureKey.of(backbone, source, rows)
    for stored in _offered:
        what = f"{stored.count} features of {stored.dataset}, {source.split}, by {backbone.name}"
        if stored.key == key:
            say_once(f"{what}: read from disk")
            numbers = torch.from_numpy(stored.numbers()).to(backbone.device)
            return _Table(rows, numbers, from_disk=True)
        if stored.key.is_but_for_circumstances(key):
            say_once(f"{what}: computed anew, as those on disk are {_differences(stored.key, key)}")
    return None


def _differences(stored: FeatureKey, key: FeatureKey) -> str:
    """Which circumstances differ."""
    return ", ".join(
        f"of {name} {value}, not {key.circumstances[name]}"
        for name, value in stored.circumstances.items()
        if value != key.circumstances[name]
    )


def _digest(rows: IntArray) -> str:
    """The hash of the rows of a split, which may be addressed in more ways than one."""
    for known, digest in _digests:
        if known is rows:
            return digest
    _digests.append((rows, hashlib.sha256(rows.tobytes()).hexdigest()))
    return _digests[-1][1]


def _fill(table: _Table, backbone: Backbone, source: PixelSource, block: int) -> None:
    places = slice(block * BLOCK, (block + 1) * BLOCK)
    table.features[places] = embedded(backbone, Images(source, table.rows[places]))
    table.filled[block] = True


def embedded(backbone: Backbone, images: Images) -> Tensor:
    """Features float32 [n, feature_size], computed in parts that fit into memory; none is kept.

    They are computed in float32 in a training's loss as well, where they may be kept for later.
    """
    return torch.cat([embed(backbone, part) for part in prepared(backbone, images)])


def prepared(backbone: Backbone, images: Images) -> Iterator[Tensor]:
    """The images as they are embedded together, prepared."""
    if images.own_size:
        yield from backbone.prepare_pictures(images)
        return
    array = images.array
    size = backbone.images_at_once or max(1, len(array))
    for start in range(0, max(1, len(array)), size):
        yield backbone.prepare(array[start : start + size])


def embed(backbone: Backbone, part: Tensor) -> Tensor:
    """Features float32 [n, feature_size] of prepared images, without gradients."""
    with torch.no_grad(), torch.autocast(backbone.device.type, enabled=False):
        return backbone.embed(part).float()
