"""Small image tables of the library `datasets`, opened as data sets of benchbench."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from PIL import Image

from benchbench.datasets.base import OpenDataset
from benchbench.datasets.huggingface import HuggingFace
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

NAMES = ["owl", "cat", "dog"]
CLASS = datasets.ClassLabel(names=NAMES)
TEXT = datasets.Value("string")
NUMBER = datasets.Value("int64")


def picture(grey: int, mode: str = "L", side: int = 4) -> Image.Image:
    return Image.new("L", (side, side), grey).convert(mode)


def table(
    greys: Sequence[int], labels: Sequence[Any], kind: Any = CLASS, mode: str = "L"
) -> datasets.Dataset:
    features = datasets.Features({"picture": datasets.Image(), "kind": kind})
    pictures = [picture(grey, mode) for grey in greys]
    return datasets.Dataset.from_dict({"picture": pictures, "kind": labels}, features=features)


def saved(folder: Path, content: datasets.Dataset | datasets.DatasetDict) -> Path:
    content.save_to_disk(folder)
    return folder


def opened(source: Path | str, tmp_path: Path, size: int = 4, **parameters: Any) -> OpenDataset:
    places = Places(tmp_path / "data root", tmp_path / "cache")
    return open_dataset(HuggingFace(str(source), size=size, **parameters), places)


def greys_by_class(dataset: OpenDataset) -> dict[str, list[int]]:
    """The grey of each image, which must be the same all over it."""
    flat = np.asarray(dataset.pixels).reshape(len(dataset.labels), -1)
    assert (flat == flat[:, :1]).all()
    return {
        name: flat[dataset.labels == index, 0].tolist()
        for index, name in enumerate(dataset.class_names)
    }


def names_of_splits(dataset: OpenDataset) -> dict[str, set[str]]:
    return {
        split: {dataset.class_names[class_id] for class_id in ids}
        for split, ids in dataset.splits.items()
    }


def dictionary() -> datasets.DatasetDict:
    return datasets.DatasetDict(
        {"first": table([10, 20], [0, 1]), "second": table([30, 40], [1, 2])}
    )
