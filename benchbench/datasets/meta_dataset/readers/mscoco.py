"""MSCOCO (Lin et al., ECCV 2014): the objects of train2017, each cut out of its photograph.

Meta-Dataset takes every box of `instances_train2017.json`, 860 001 in all, crowds included and
none left out for its size; each box is enlarged 1.2 times about its centre. It leaves out objects
whose photograph cannot be opened or whose box is empty. torchvision's loader is not used: it needs
pycocotools.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from PIL import Image

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, coco_tables
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import UnreadableImageError

LAYOUT = Layout(
    "MSCOCO",
    ("mscoco", "coco", "COCO", "MSCOCO"),
    ("annotations_trainval2017.zip", "train2017.zip"),
    "a folder with train2017/*.jpg and annotations/instances_train2017.json, or with train2017.zip "
    "and annotations_trainval2017.zip",
)

LIST = "instances_train2017.json"
ENLARGEMENT = 1.2
PHOTOGRAPHS_KEPT = 16
"""Decoded photographs in memory; the objects of one photograph are next to each other."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels, with 0.5 at the middle of the first pixel."""


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The objects of each category as the file of their photograph and their box, by file."""
    part = published.part("train2017/")
    annotations, categories = coco_tables(
        published, published.part(LIST), LIST, "annotations", "categories"
    )
    names = {row["id"]: row["name"] for row in categories}
    images: dict[str, list[tuple[str, Box]]] = {name: [] for name in spec.class_names}
    for row in annotations:
        file = f"train2017/{row['image_id']:012d}.jpg"
        name = names.get(row["category_id"])
        if name in images and part.has(file):
            images[name].append((file, _box(published, row.get("bbox"))))
    for objects in images.values():
        objects.sort(key=lambda reference: reference[0])

    @lru_cache(maxsize=PHOTOGRAPHS_KEPT)
    def photograph(file: str) -> Image.Image:
        return part.file(file).image()

    def load(reference: tuple[str, Box]) -> Image.Image:
        file, box = reference
        image = photograph(file)
        left, top, right, bottom = enlarged(box, image.size)
        if left >= right or top >= bottom:
            raise UnreadableImageError(f"{file} at {box}")
        return image.crop((left, top, right, bottom))

    return SourceFiles(images, load)


def enlarged(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (both outside) of the 1.2 times larger box, within the image.

    Rounded as Meta-Dataset does: COCO counts from the middle of a pixel, Pillow from its corner.
    The box is empty if it lies outside the image.
    """
    x, y, width, height = box
    grown = ENLARGEMENT - 1
    left, top = x - width * grown / 2, y - height * grown / 2
    right, bottom = left + width * ENLARGEMENT, top + height * ENLARGEMENT
    return (
        max(round(left - 0.5), 0),
        max(round(top - 0.5), 0),
        min(round(right - 0.5) + 1, size[0]),
        min(round(bottom - 0.5) + 1, size[1]),
    )


def _box(published: Published, values: Any) -> Box:
    try:
        x, y, width, height = values
        if not all(map(math.isfinite, values)):
            raise ValueError("a number is not finite")
    except (TypeError, ValueError) as error:
        raise published.refusal(f"{LIST} in {published.path} has the bbox {values!r}") from error
    return float(x), float(y), float(width), float(height)
