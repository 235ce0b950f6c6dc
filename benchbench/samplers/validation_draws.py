"""Validation images for draws of K images of every class: a few of the official validation part.

They are integers beside the episodes, whose sha256 does not depend on them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream

PART = "val"

MOST = 4
"""CoOp takes min(K, 4) validation images of each class (Zhou et al., arXiv:2109.01134)."""


class ValidationDraw(NamedTuple):
    """images: int64 [n], ids of the validation part; labels: [n], the slots of their classes."""

    images: IntArray
    labels: IntArray


def validation_draws(
    pool: ClassPool, episodes: EpisodeSet, most: int = MOST, start: int = 0
) -> list[ValidationDraw]:
    """For each episode, min(K, most) images of the validation part of every class in it.

    K is the shot of the episodes, or without bound if it varies. Those of fewer shots are part of
    those of more, and the episodes' own numbers decide, so that a draw is the same drawn alone.
    start: the number of the first episode. Raises BenchbenchError if a class has too few.
    """
    shot = episodes.shape[1]
    count = most if shot is None else min(shot, most)
    images = _validation_images(pool, count)
    sizes = list(map(len, images))
    place_of = {class_id: place for place, class_id in enumerate(pool.classes.tolist())}
    # By the seed and the data alone, so that the draws of several shots are nested.
    stream = AddressedStream(**{**episodes.origin, "protocol": "kshot"}).branch("validation")
    found = []
    numbers = stream.each(start, start + len(episodes), sum(sizes))
    for episode, of_images in zip(episodes, numbers, strict=True):
        orders = [np.argsort(of_images.take(size), kind="stable") for size in sizes]
        drawn = [rows[order[:count]] for rows, order in zip(images, orders, strict=True)]
        chosen = [drawn[place_of[class_id]] for class_id in episode.classes.tolist()]
        labels = np.repeat(np.arange(len(chosen)), count)
        found.append(ValidationDraw(np.concatenate(chosen), labels))
    return found


def _validation_images(pool: ClassPool, count: int) -> list[IntArray]:
    parts = pool.dataset.parts
    if parts is None or PART not in parts:
        raise BenchbenchError(
            f"{pool.dataset.name} does not say which images are for validation, so that no "
            "hyper-parameter can be chosen by them; choose a fixed one."
        )
    rows = [pool.images(place) for place in range(len(pool))]
    images = [own[parts[own] == PART] for own in rows]
    for place, own in enumerate(images):
        if len(own) < count:
            raise BenchbenchError(
                f"'{pool.class_name(place)}' in {pool.place} has {len(own)} {PART} images and "
                f"{count} {'is' if count == 1 else 'are'} needed."
            )
    return images
