"""The classes that episodes of a split are drawn from, source by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, FixedSampler, Sampler


def source_pools(dataset: OpenDataset, split: str) -> list[ClassPool]:
    """The classes of a split by source; one pool if the data set has only one source."""
    if dataset.members is None:
        return [ClassPool(dataset, split)]
    classes = dataset.splits[split]
    pools = []
    for name, members in dataset.members.items():
        part = f"{split} of {name}"
        splits = {part: np.intersect1d(classes, members)}
        parents = dataset.hierarchy
        if parents is not None and not any(parents[c] for c in members):
            parents = None
        pools.append(ClassPool(replace(dataset, splits=splits, hierarchy=parents), part))
    return pools


def pools_with_sampler(
    pools: Sequence[ClassPool], sampler: Sampler
) -> list[tuple[ClassPool, Sampler]]:
    """The pools that can supply the sampler's episodes. Raises BenchbenchError if none can."""
    found: list[tuple[ClassPool, Sampler]] = []
    failure: BenchbenchError | None = None
    for pool in pools:
        try:
            sampler.check(pool)
        except BenchbenchError as error:
            failure = error
        else:
            found.append((pool, sampler))
    if not found:
        assert failure is not None
        raise failure
    return found


def largest_sampler(
    pool: ClassPool, way: int, shot: int, query: int, unlabelled: int = 0, distractors: int = 0
) -> FixedSampler:
    """The sampler of this shot, with the other numbers reduced to what the pool can supply.

    A query of each class goes before unlabelled images, and these before further queries; classes
    of the way go before distractors.
    """
    room, way = int(pool.sizes.min()) - shot, min(way, len(pool))
    unlabelled = min(unlabelled, room - 1)
    distractors = min(distractors, len(pool) - way) if unlabelled else 0
    query = min(query, room - unlabelled)
    return FixedSampler(way, shot, query, unlabelled=unlabelled, distractors=distractors)
