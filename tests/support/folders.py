"""Folders of drawn images, a class each, and the data sets that they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from benchbench.datasets.folder import Folder
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

Classes = Mapping[str, list[int]]
"""The greys of the images of each class."""


def write_images(root: Path, classes: Classes, mode: str = "L", side: int = 5) -> Path:
    for name, values in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index, grey in enumerate(values):
            image = Image.new("L", (side, side), grey).convert(mode)
            image.save(root / name / f"{index}.png")
    return root


def open_folder(path: Path, size: int | str = 4, **parameters: Any) -> OpenDataset:
    """Open it with a cache beside it."""
    places = Places(path.parent / "no data", path.parent / "cache")
    return open_dataset(Folder(str(path), size=size, **parameters), places)
