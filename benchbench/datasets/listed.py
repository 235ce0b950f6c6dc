"""Data sets whose classes and splits are published lists.

The lists are part of the package, in `splits/<list>/`, each beside the licence of the repository
that published it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchbench.datasets.base import SPLITS, Dataset, DecodedClass, PendingClass, splits_by_name
from benchbench.datasets.reading.class_folders import LazyFiles, class_folders
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.images import Interpolation, as_array, decode_image, resize
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.errors import BenchbenchError
from benchbench.registry import specs


def read_list(folder: str, file: str) -> str:
    """The text of a packaged list, unpacked where its name ends in `.gz`."""
    data = (resources.files("benchbench.datasets") / "splits" / folder / file).read_bytes()
    return (gzip.decompress(data) if file.endswith(".gz") else data).decode()


def read_rows(folder: str, file: str) -> list[tuple[str, str]]:
    """The rows of a packaged list of two columns, without its heading."""
    return parse_rows(read_list(folder, file))


def parse_rows(text: str) -> list[tuple[str, str]]:
    """The rows of a CSV file of two columns; a heading that begins with `filename` is left out.

    Raises ValueError where a row has another number of columns.
    """
    rows = []
    for line in filter(None, map(str.strip, text.splitlines())):
        first, second = line.split(",")
        rows.append((first, second))
    return rows[1:] if rows and rows[0][0] == "filename" else rows


def read_json(folder: str) -> dict[str, Any]:
    """The packaged `train.json`, `val.json` and `test.json` of a list, by split."""
    return {split: json.loads(read_list(folder, f"{split}.json")) for split in SPLITS}


def image_counts(of: str) -> dict[str, int]:
    """Images of each class of `ilsvrc_train` or `cub`, by the name of the class's folder."""
    return {name: int(count) for name, count in read_rows("image_counts", f"{of}.csv")}


@dataclass(frozen=True)
class ListedClass:
    """A class as the lists have it.

    folder: what the published files call it; images: how many it should have.
    """

    name: str
    split: str
    folder: str
    images: int
    parent: tuple[str, ...] = ()


class ListedDataset(Dataset):
    """A data set of listed classes, resized to squares of `size` pixels in three channels."""

    size: int
    interpolation: Interpolation

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size must be at least 1 pixel")

    def listed(self) -> list[ListedClass]:
        """The classes, in the order in which they are decoded."""
        raise NotImplementedError

    def expected_counts(self) -> dict[str, int] | None:
        """How many images each class should have, by its name."""
        return {item.name: item.images for item in self.listed()}

    def split_classes(
        self, class_names: list[str], sources: list[Path]
    ) -> dict[str, NDArray[np.int64]]:
        listed = self.listed()
        names = {split: [item.name for item in listed if item.split == split] for split in SPLITS}
        return splits_by_name(class_names, names)

    def refuse_missing(self, found: Collection[str], where: Path) -> None:
        """Raise BenchbenchError, one sentence, unless all listed folders are found."""
        folders = [item.folder for item in self.listed()]
        missing = [name for name in folders if name not in found]
        if missing:
            raise BenchbenchError(
                f"{where} lacks {len(missing)} of the {len(folders)} classes of "
                f"{specs.text_of(self)}, such as '{missing[0]}'; copy or download it again, whole."
            )

    def class_folders(self, root: Path) -> list[Path]:
        """The listed classes' folders below `root`; none where it has none of them.

        As sources they stand for the folder around them, so that no others are looked at on each
        opening. Raises BenchbenchError where only some are there.
        """
        found = class_folders(root, {item.folder: item.split for item in self.listed()})
        if found:
            self.refuse_missing(found, root)
        return list(found.values())

    def announced(self, files: Mapping[str, LazyFiles], where: Path) -> Iterator[PendingClass]:
        """The listed classes, to be decoded from their files, which are given by folder name.

        Raises BenchbenchError where a class has none.
        """
        self.refuse_missing(files, where)
        for item in self.listed():
            yield PendingClass(item.name, partial(self._load, item, files[item.folder], where))

    def _load(self, item: ListedClass, files: LazyFiles, where: Path) -> DecodedClass:
        tree, names = files()
        images_or_none = in_parallel(lambda name: self.decode_image(tree, name), names)
        decoded = dict(zip(names, images_or_none, strict=True))
        images = [image for image in decoded.values() if image is not None]
        if not images:
            raise BenchbenchError(
                f"{where} has no readable image of class '{item.folder}'; copy or download it "
                "again, whole."
            )
        unreadable = [f"{item.folder}/{Path(n).name}" for n, i in decoded.items() if i is None]
        return DecodedClass(item.name, np.stack(images), item.parent, None, unreadable)

    def resized(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Images uint8 [n, h, w, 3] as [n, size, size, 3]."""
        if images.shape[1:3] == (self.size, self.size):
            return images
        pictures = (Image.fromarray(np.ascontiguousarray(image)) for image in images)
        return np.stack([as_array(resize(p, self.size, self.interpolation)) for p in pictures])

    def decode_image(self, tree: FileTree, file: str) -> NDArray[np.uint8] | None:
        """One image as uint8 [size, size, 3], or None where the file is unreadable."""
        return decode_image(tree, file, self.size, "RGB", self.interpolation)
