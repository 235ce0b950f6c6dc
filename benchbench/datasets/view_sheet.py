"""A contact sheet of what an augmentation makes of a few images, in PNG."""

from __future__ import annotations

import numpy as np
from PIL import Image

from benchbench.augmentations import create_augmentation
from benchbench.datasets.contact_sheet import CLASS_COLUMNS, ImageRow, sample, sheet
from benchbench.datasets.open_dataset import OpenDataset

SEED = 0
"""The same command always shows the same views."""


def view_sheet(
    dataset: OpenDataset, split: str, classes: int, views: int, spec: str
) -> Image.Image:
    """A row for the first image of each class of a `sample`: it, and so many views of it.

    spec: of augmentations, which change all images of a column at once, as in training. Raises
    BenchbenchError if it is wrong, if there is no image, or if it is too much for a picture.
    """
    augment = create_augmentation(spec)
    dataset.check_images()
    chosen = sample(dataset, split, classes, 1)
    pixels = dataset.images(np.concatenate(list(chosen.values())))
    rng = np.random.default_rng(SEED)
    columns = [pixels, *(augment(pixels, rng) for _ in range(views))]
    rows = [
        ImageRow(f"{dataset.class_names[label]}\nas it is, and {views} views", np.stack(images))
        for label, images in zip(chosen, zip(*columns, strict=True), strict=True)
    ]
    title = f"{dataset.name}, {split}: {spec}"
    return sheet(title, rows, min(1 + views, CLASS_COLUMNS))
