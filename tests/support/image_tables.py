"""Small image tables of the library `datasets`, opened as data sets of benchbench."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
from PIL import Image

from benchbench.datasets.huggingface import HuggingFace
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

NAMES = ["owl", "cat", "dog"]
CLASS = datasets.ClassLabel(names=NAMES)
TEXT = datasets.Value("string")
NUMBER = datasets.Value("int64")


def picture(grey: int, mode: str = "L", side: int = 4) -> Image.Image:
    return Image.new("L", (side, side), grey).convert(mode)


def columns(**columns: tuple[Any, Sequence[Any]]) -> datasets.Dataset:
    """A table of columns that are given as (type, values)."""
    return datasets.Dataset.from_dict(
        {name: values for name, (_, values) in columns.items()},
        features=datasets.Features({name: kind for name, (kind, _) in columns.items()}),
    )


def table(
    greys: Sequence[int], labels: Sequence[Any], kind: Any = CLASS, mode: str = "L"
) -> datasets.Dataset:
    pictures = [picture(grey, mode) for grey in greys]
    return columns(picture=(datasets.Image(), pictures), kind=(kind, labels))


def saved(folder: Path, content: datasets.Dataset | datasets.DatasetDict) -> Path:
    content.save_to_disk(folder)
    return folder


def opened(
    source: Path | str, tmp_path: Path, size: int | str = 4, **parameters: Any
) -> OpenDataset:
    places = Places(tmp_path / "data root", tmp_path / "cache")
    return open_dataset(HuggingFace(str(source), size=size, **parameters), places)


def opened_table(tmp_path: Path, content: datasets.Dataset, **parameters: Any) -> OpenDataset:
    return opened(saved(tmp_path / "set", content), tmp_path, **parameters)


def dictionary() -> datasets.DatasetDict:
    return datasets.DatasetDict(
        {"first": table([10, 20], [0, 1]), "second": table([30, 40], [1, 2])}
    )
