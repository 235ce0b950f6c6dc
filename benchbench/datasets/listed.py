"""Data sets of published classes and splits, packaged with their licences in `splits/`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from benchbench.datasets.base import SPLITS, Dataset, splits_by_name
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.image_files import names_of
from benchbench.datasets.reading.class_folders import class_folders, in_tree
from benchbench.datasets.reading.conversion import WHITE
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree, TreeFile
from benchbench.datasets.reading.images import (
    Interpolation,
    as_array,
    decode_all,
    decode_image,
    resize,
)
from benchbench.datasets.reading.pictures import Pictures
from benchbench.registry import specs
from benchbench.registry.bounds import Side
from benchbench.system.arrays import ByteArray, IntArray

Decoder: TypeAlias = Callable[[Sequence[TreeFile]], tuple[Any, list[int], list[str]]]
"""From files to images, the places of those that were read, and the names of the others."""


def read_list(folder: str, file: str) -> str:
    """The text of a packaged list, unpacked if its name ends in `.gz`."""
    data = (resources.files("benchbench.datasets") / "splits" / folder / file).read_bytes()
    return (gzip.decompress(data) if file.endswith(".gz") else data).decode()


def read_rows(folder: str, file: str) -> list[tuple[str, str]]:
    """The rows of a packaged list of two columns, without its heading."""
    return parse_rows(read_list(folder, file))


def parse_rows(text: str) -> list[tuple[str, str]]:
    """The rows of a two-column CSV file, without heading. Raises ValueError for other columns."""
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
    """A published class; folder: its name in the files; images: how many it should have."""

    name: str
    split: str
    folder: str
    images: int
    parent: tuple[str, ...] = ()


class ListedDataset(Dataset):
    """A data set of listed classes, resized to squares of `size` pixels in three channels.

    Where a subclass declares `Side`, it may be `native`, and the files of `announced` are kept.
    """

    size: Side
    interpolation: Interpolation

    def __post_init__(self) -> None:
        if not isinstance(self.size, str) and self.size < 1:
            raise ValueError("size must be at least 1 pixel")

    def listed(self) -> list[ListedClass]:
        """The classes, in the order in which they are decoded."""
        raise NotImplementedError

    def expected_counts(self) -> dict[str, int] | None:
        return {item.name: item.images for item in self.listed()}

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        listed = self.listed()
        names = {split: [item.name for item in listed if item.split == split] for split in SPLITS}
        return splits_by_name(class_names, names)

    def refuse_missing(self, found: Collection[str], where: Path) -> None:
        """Raise BenchbenchError, one sentence, unless all listed folders are found."""
        folders = [item.folder for item in self.listed()]
        missing = [name for name in folders if name not in found]
        if missing:
            raise copy_again(
                f"{where} lacks {len(missing)} of the {len(folders)} classes of "
                f"{specs.text_of(self)}, such as '{missing[0]}'"
            )

    def class_folders(self, root: Path) -> list[Path]:
        """The listed classes' folders below `root`; none if it has none of them.

        They are sources instead of the folder around them, so that opening the data set looks at
        no other folder. Raises BenchbenchError if only some are there.
        """
        found = class_folders(root, {item.folder: item.split for item in self.listed()})
        if found:
            self.refuse_missing(found, root)
        return list(found.values())

    def folders_in(self, tree: FileTree, one_place: bool = False) -> dict[str, list[TreeFile]]:
        """The images in the listed classes' folders, as `in_tree` finds them."""
        return in_tree(tree, {item.folder for item in self.listed()}, one_place=one_place)

    def announced(
        self, files: Mapping[str, Sequence[TreeFile]], sources: list[Path]
    ) -> Iterator[PendingClass]:
        """The listed classes, from files by folder name. Raises BenchbenchError if one has none."""
        where = sources[0].parent if len(sources) > 1 else sources[0]
        self.refuse_missing(files, where)
        decode = self._decoder(files)

        def load(item: ListedClass) -> DecodedClass:
            images, readable, unreadable = decode(files[item.folder])
            if not len(images):
                raise copy_again(f"{where} has no readable image of class '{item.folder}'")
            parts = [self.part_of(files[item.folder][place]) for place in readable]
            whole = [part for part in parts if part is not None]
            return DecodedClass(
                item.name,
                images,
                item.parent,
                unreadable=named(item, unreadable),
                parts=whole if len(whole) == len(parts) else None,
            )

        def named(item: ListedClass, names: Sequence[str]) -> list[str]:
            return [f"{item.folder}/{Path(name).name}" for name in names]

        def listed(item: ListedClass) -> list[str]:
            return named(item, names_of(files[item.folder]))

        for item in self.listed():
            yield PendingClass(item.name, partial(load, item), partial(listed, item))

    def _decoder(self, files: Mapping[str, Sequence[TreeFile]]) -> Decoder:
        """What decodes the images of a class, or keeps them as they are."""
        if not isinstance(self.size, str):
            return partial(decode_all, self.decode_image, shape=(self.size, self.size, 3))
        # The mode is given, so that no file but those of a class is looked at.
        pictures: Pictures[TreeFile] = Pictures([], self.size, "rgb", WHITE)
        return lambda own: pictures.decoded(own)[:3]

    def resized(self, images: ByteArray) -> ByteArray:
        """Images uint8 [n, h, w, 3] as [n, size, size, 3]."""
        assert not isinstance(self.size, str), "arrays have no encoded pictures"
        if images.shape[1:3] == (self.size, self.size):
            return images
        pictures = (Image.fromarray(np.ascontiguousarray(image)) for image in images)
        return np.stack([as_array(resize(p, self.size, self.interpolation)) for p in pictures])

    def part_of(self, file: TreeFile) -> str | None:
        """`train`, `val` or `test`, the official use of an image; None if that is not told."""
        return None

    def decode_image(self, file: TreeFile) -> ByteArray:
        """One image as uint8 [size, size, 3]. Raises UnreadableImageError if it is unreadable."""
        assert not isinstance(self.size, str), "pictures at their own size are kept"
        return decode_image(file, self.size, "RGB", self.interpolation)
