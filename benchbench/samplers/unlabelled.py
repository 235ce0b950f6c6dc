"""The unlabelled images of an episode: of its own classes, and of others that distract.

They are drawn by random numbers of their own, after support and queries, which they leave as they
are. Source: Ren et al., ICLR 2018 (arXiv:1803.00676), section 2.2.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream, Permutation


class DrawsUnlabelled(Protocol):
    """The numbers of a sampler: of classes, and of the images of each; of other classes as well."""

    way: int
    shot: int
    query: int
    unlabelled: int
    distractors: int


def check_room(pool: ClassPool, sampler: DrawsUnlabelled) -> None:
    """Raise BenchbenchError if the pool is too small for an episode and its unlabelled images."""
    way, others = sampler.way, sampler.distractors
    if way + others > len(pool):
        left = max(0, len(pool) - way)
        raise BenchbenchError(
            f"{way}-way with {others} distractor classes needs {way + others} classes and "
            f"{pool.place} has {len(pool)}; use --distractors {left} or fewer."
        )
    labelled = sampler.shot + sampler.query
    smallest = int(np.argmin(pool.sizes))
    size, needed = int(pool.sizes[smallest]), labelled + sampler.unlabelled
    if needed > size:
        fewer_queries = size - sampler.shot - sampler.unlabelled
        cures = [f"--query {fewer_queries} or fewer"] if fewer_queries > 0 else []
        cures += [f"--unlabelled {size - labelled} or fewer"] if size > labelled else []
        together = f"--shot, --query and --unlabelled that make {size} or fewer together"
        raise BenchbenchError(
            f"{sampler.shot}-shot with {sampler.query} queries and {sampler.unlabelled} unlabelled "
            f"images needs {needed} images of a class and '{pool.class_name(smallest)}' in "
            f"{pool.place} has {size}; use {', or '.join(cures) or together}."
        )


def draw_unlabelled(
    pool: ClassPool,
    drawn: dict[str, IntArray],
    stream: AddressedStream,
    start: int,
    sampler: DrawsUnlabelled,
) -> dict[str, IntArray]:
    """The arrays `unlabelled` and `unlabelled_counts` of episodes from number `start` on.

    drawn: the episodes' other arrays. No image of the support or of the queries is among them.
    """
    way, each, others = sampler.way, sampler.unlabelled, sampler.distractors
    count, total = len(drawn["class_counts"]), each * (way + others)
    classes, support, query = (
        drawn[name].reshape(count, -1) for name in ("classes", "support", "query")
    )
    place_of = np.empty(pool.classes.max() + 1, np.int64)
    place_of[pool.classes] = np.arange(len(pool))
    found = np.empty((count, total), np.int64)
    # Images, other classes and their order.
    streams = stream.each(start, start + count, 2 * total + others)
    for number, numbers in enumerate(streams):
        own = place_of[classes[number]]
        outside = np.setdiff1d(np.arange(len(pool)), own)
        distracting = outside[Permutation(len(outside)).take(numbers.take(others))]
        used = np.concatenate([support[number], query[number]])
        images = []
        for place in (*own.tolist(), *distracting.tolist()):
            left = np.setdiff1d(pool.images(place), used)
            images.append(left[Permutation(len(left)).take(numbers.take(each))])
        order = np.argsort(numbers.take(total), kind="stable")
        found[number] = np.concatenate(images)[order]
    return {"unlabelled": found.reshape(-1), "unlabelled_counts": np.full(count, total)}
