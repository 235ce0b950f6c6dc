"""The queries of an episode that are of none of its classes, but of others of the split.

They are drawn by random numbers of their own, after support and queries, which they leave as they
are: what a method loses by them is a paired difference.
"""

from __future__ import annotations

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.randomness import AddressedStream, Permutation


def check_unknown(pool: ClassPool, way: int, distractors: int, unknown: int) -> None:
    """Raise BenchbenchError if the classes that an episode leaves may have too few images."""
    if not unknown:
        return
    taken = f"{way}-way" + (f" with {distractors} distractor classes" if distractors else "")
    left = len(pool) - way - distractors
    if left <= 0:
        cure = f"--distractors {len(pool) - way - 1}" if distractors else f"--way {len(pool) - 1}"
        raise BenchbenchError(
            f"Unknown queries are of classes outside the episode, and {pool.place} has "
            f"{len(pool)} for {taken}; use {cure} or fewer."
        )
    # The classes that an episode leaves may be the smallest.
    least = int(np.sort(pool.sizes)[:left].sum())
    if unknown > least:
        raise BenchbenchError(
            f"The classes of {pool.place} outside a {taken} episode may have {least} images; use "
            f"--unknown {least} or fewer."
        )


def draw_unknown(
    pool: ClassPool, drawn: dict[str, IntArray], stream: AddressedStream, start: int, unknown: int
) -> dict[str, IntArray]:
    """The arrays `unknown` and `unknown_counts` of episodes from number `start` on.

    drawn: the episodes' other arrays. The images are spread over the other classes as evenly as
    these allow: up to as many as there are classes, no two share theirs. No image occurs twice, and
    none is of a class that unlabelled images show.
    """
    counts = drawn["class_counts"]
    own = np.split(drawn["classes"], counts.cumsum()[:-1])
    if "unlabelled" in drawn:
        shown = pool.dataset.labels[drawn["unlabelled"]]
        ends = drawn["unlabelled_counts"].cumsum()[:-1]
        own = [np.union1d(*each) for each in zip(own, np.split(shown, ends), strict=True)]
    streams = stream.each(start, start + len(counts), len(pool) + 2 * unknown)
    found = [
        _of_others(pool, classes, unknown, numbers.take(len(pool)), numbers.take(2 * unknown))
        for classes, numbers in zip(own, streams, strict=True)
    ]
    images = np.concatenate([*found, np.empty(0, np.int64)])
    return {"unknown": images, "unknown_counts": np.full(len(counts), unknown)}


def _of_others(
    pool: ClassPool, classes: IntArray, unknown: int, of_classes: FloatArray, of_images: FloatArray
) -> IntArray:
    """The image ids [unknown] of one episode, by numbers in [0, 1)."""
    others = np.flatnonzero(~np.isin(pool.classes, classes))
    others = others[np.argsort(of_classes[: len(others)], kind="stable")]
    turns: list[int] = []
    while len(turns) < unknown:
        used = np.bincount(turns, minlength=len(pool))
        turns += [place for place in others.tolist() if used[place] < pool.sizes[place]]
    places = np.array(turns[:unknown])
    ids = np.empty(unknown, np.int64)
    for place in np.unique(places).tolist():
        at = np.flatnonzero(places == place)
        images = pool.images(place)
        ids[at] = images[Permutation(len(images)).take(of_images[at])]
    return ids[np.argsort(of_images[unknown:], kind="stable")]
