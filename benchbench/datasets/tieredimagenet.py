"""tieredImageNet (Ren et al., ICLR 2018), from a copy of ILSVRC-2012."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchbench.datasets.base import SPLITS
from benchbench.datasets.decoded import PendingClass
from benchbench.datasets.listed import ListedClass, ListedDataset, image_counts, read_rows
from benchbench.datasets.reading.class_folders import ILSVRC_FOLDERS, in_folders
from benchbench.datasets.reading.file_tree import FileTree, located
from benchbench.datasets.reading.images import Interpolation
from benchbench.registry.bounds import Pixels
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import Places

FOLDERS = ("tieredimagenet", "tiered_imagenet", "tiered-imagenet", "tieredImageNet")
CURE = (
    "tieredImageNet is made from ImageNet's training images, which each user gets from "
    "image-net.org: put them under the data root as ILSVRC2012/train/nXXXXXXXX/, or name their "
    "folder with `benchbench data prepare tieredimagenet --from PATH`."
)


@dataclass
class TieredImageNet(ListedDataset):
    """tieredImageNet (Ren et al., ICLR 2018): 351 / 97 / 160 classes of 20 / 6 / 8 super-classes.

    It has all 779 165 training images of 608 classes of ILSVRC-2012. They are read from class
    folders `nXXXXXXXX` of an ILSVRC copy, or below `train`, `val` and `test`. The table of decoded
    images takes 15 GiB of the cache at 84 px.

    size: pixels of the square that each image is resized to, whatever its shape.
    interpolation: Pillow's filter for that; images that have the size already are left untouched.
    """

    name: ClassVar[str] = "tieredimagenet"
    licence: ClassVar[str] = "ImageNet's terms of access: non-commercial research and education"
    size: Pixels = 84
    interpolation: Interpolation = "bilinear"

    def listed(self) -> list[ListedClass]:
        """By split, then by identifier."""
        counts = image_counts("ilsvrc_train")
        return [
            ListedClass(name, split, name, counts[name], (parent,))
            for split in SPLITS
            for name, parent in sorted(read_rows("tieredimagenet", f"{split}.csv"))
        ]

    def sources(self, places: Places) -> list[Path]:
        """The class folders, else the archive around them."""
        found = located(self, places, (*FOLDERS, *ILSVRC_FOLDERS), CURE)
        return self.class_folders(found) or [found]

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        if len(sources) > 1:
            return self.announced(in_folders(sources), sources)
        return self.announced(self.folders_in(FileTree(sources[0])), sources)

    def names_are_words(self, class_names: list[str]) -> bool:
        return False


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(TieredImageNet)
