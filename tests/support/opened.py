"""What an opened data set holds, in few words."""

from pathlib import Path

import numpy as np

from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places


def open_from(root: Path, dataset: Dataset, origin: Path | None = None) -> OpenDataset:
    """Open it with this data root, and a cache beside that."""
    dataset.origin = origin
    return open_dataset(dataset, Places(root, root.parent / "cache"))


def split_sizes(dataset: OpenDataset) -> tuple[int, ...]:
    """The numbers of classes for training, validation and test."""
    return tuple(len(dataset.splits[split]) for split in SPLITS)


def split_ids(dataset: OpenDataset) -> list[list[int]]:
    """The classes for training, validation and test."""
    return [dataset.splits[split].tolist() for split in SPLITS]


def split_names(dataset: OpenDataset) -> dict[str, list[str]]:
    """The names of the classes of each split."""
    return {
        split: [dataset.class_names[class_id] for class_id in ids]
        for split, ids in dataset.splits.items()
    }


def greys(dataset: OpenDataset) -> list[int]:
    """The grey of each image, which must be the same all over it."""
    flat = np.asarray(dataset.pixels).reshape(len(dataset.labels), -1)
    assert (flat == flat[:, :1]).all()
    return flat[:, 0].tolist()


def greys_by_class(dataset: OpenDataset) -> dict[str, list[int]]:
    found = np.array(greys(dataset))
    return {
        name: found[dataset.labels == index].tolist()
        for index, name in enumerate(dataset.class_names)
    }
