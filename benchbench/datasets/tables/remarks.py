"""What a finished table says of itself: changed images, lost classes, images all alike."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.open_dataset import Pixels

PIECE = 256  # images that are looked at together


def changes(by_class: Iterable[Mapping[str, int]]) -> list[str]:
    """A sentence for each change in images, with how many there are in all classes."""
    total: Counter[str] = Counter()
    for counts in by_class:
        total.update(counts)
    return [f"{count} {what}." for what, count in sorted(total.items())]


def losses(names: Sequence[str]) -> list[str]:
    """A sentence if there are classes without a readable image, which the table has not."""
    if not names:
        return []
    one = "class has no readable image and is missing"
    several = "classes have no readable image and are missing"
    what = plural(len(names), one, several)
    return [f"{what}: {some(names)}."]


def sameness(pixels: Pixels, counts: Sequence[int]) -> list[str]:
    """A sentence if all images are of one colour, or all classes have the same pictures; else none.

    pixels: uint8 [n, h, w, c], class after class; counts: the images of each class. It stops
    reading at the first difference.
    """
    first = np.asarray(pixels[0, 0, 0])
    if all((piece == first).all() for piece in _pieces(pixels, 0, len(pixels))):
        return ["All images have one colour, the same all over: nothing tells the classes apart."]
    ends = np.cumsum([0, *counts]).tolist()
    classes = (_pictures(pixels, start, end) for start, end in pairwise(ends))
    pictures = next(classes)
    if len(counts) > 1 and all(other == pictures for other in classes):
        return [f"All {len(counts)} classes have the same pictures: nothing tells them apart."]
    return []


def _pieces(pixels: Pixels, start: int, end: int) -> Iterator[Pixels]:
    for place in range(start, end, PIECE):
        yield np.asarray(pixels[place : min(end, place + PIECE)])


def _pictures(pixels: Pixels, start: int, end: int) -> set[bytes]:
    """The hashes of the pictures of a class."""
    return {
        hashlib.sha256(np.ascontiguousarray(image).data).digest()
        for piece in _pieces(pixels, start, end)
        for image in piece
    }
