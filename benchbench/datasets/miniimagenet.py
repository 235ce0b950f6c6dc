"""miniImageNet: a hundred classes of ILSVRC-2012 with 600 images each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from benchbench.datasets.base import SPLITS
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.listed import (
    ListedClass,
    ListedDataset,
    image_counts,
    parse_rows,
    read_rows,
)
from benchbench.datasets.miniimagenet_pickles import Pickles
from benchbench.datasets.reading.class_folders import ILSVRC_FOLDERS, ListedLater, in_folders
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, located
from benchbench.datasets.reading.images import Interpolation
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Pixels
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import Places

FOLDERS = ("miniimagenet", "mini-imagenet", "mini_imagenet", "miniImageNet", "MiniImagenet")
CURE = (
    "miniImageNet cannot be downloaded: put a copy under the data root as miniimagenet/ (class "
    "folders, images/ with train.csv, val.csv and test.csv, or mini-imagenet-cache-*.pkl), or "
    "ImageNet's training images as ILSVRC2012/train/nXXXXXXXX/, or name the folder with "
    "`benchbench data prepare miniimagenet --from PATH`."
)
ILSVRC_NAME = re.compile(r"n\d{8}_(\d+)$")
RAVI_NAME = re.compile(r"n\d{8}(\d{8})$")


@dataclass
class MiniImageNet(ListedDataset):
    """miniImageNet (Vinyals et al., NeurIPS 2016): 100 classes of ImageNet, 600 images each.

    It is read from a copy, as class folders, as `images/` with `train.csv`, `val.csv` and
    `test.csv`, or as `mini-imagenet-cache-{train,val,test}.pkl`; or from ILSVRC-2012's training
    images. Copies were resampled by their makers, and images that have the size already are left
    untouched: numbers agree between copies up to that, and fingerprints do not.

    split: `ravi` has the 64 / 16 / 20 classes of Ravi & Larochelle (ICLR 2017), on which nearly all
        published numbers are; `vinyals` has the other 60 / 20 / 20 of the first paper.
    size: pixels of the square that each image is resized to, whatever its shape.
    interpolation: Pillow's filter for that.
    """

    name: ClassVar[str] = "miniimagenet"
    licence: ClassVar[str] = "ImageNet's terms of access: non-commercial research and education"
    split: Literal["ravi", "vinyals"] = "ravi"
    size: Pixels = 84
    interpolation: Interpolation = "bilinear"

    def listed(self) -> list[ListedClass]:
        """By split, then by identifier."""
        return [
            ListedClass(name, split, name, len(files))
            for split in SPLITS
            for name, files in sorted(listed_files(self.split, split).items())
        ]

    def sources(self, places: Places) -> list[Path]:
        """The class folders if there are any, else the folder or archive around all files."""
        found = located(self, places, (*FOLDERS, *ILSVRC_FOLDERS), CURE)
        return self.class_folders(found) or [found]

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        if len(sources) > 1:
            return self.announced(self._picked(in_folders(sources)), sources)
        tree = FileTree(sources[0])
        pickles = Pickles(tree)
        if pickles.members:
            load = partial(self._load_pickled, pickles)
            return (PendingClass(item.name, partial(load, item)) for item in self.listed())
        return self.announced(self._picked(self.folders_in(tree) or self._by_table(tree)), sources)

    def _picked(self, files: Mapping[str, Sequence[TreeFile]]) -> ListedLater[TreeFile]:
        """Of each class, the files that the list has."""
        return ListedLater(
            {
                name: partial(_pick, name, files, names)
                for split in SPLITS
                for name, names in listed_files(self.split, split).items()
                if name in files
            }
        )

    def _by_table(self, tree: FileTree) -> dict[str, list[TreeFile]]:
        """The files by class as the copy's own csv files have it, or else the list."""
        images = {PurePosixPath(file.name).stem: file for file in tree.images()}
        tables = [_table(tree, split) for split in SPLITS]
        if not any(tables):
            tables = [read_rows(f"miniimagenet_{self.split}", f"{s}.csv.gz") for s in SPLITS]
        found: dict[str, list[TreeFile]] = {}
        for file, label in chain.from_iterable(tables):
            if (stem := PurePosixPath(file).stem) in images:
                found.setdefault(label, []).append(images[stem])
        return found

    def _load_pickled(self, pickles: Pickles, item: ListedClass) -> DecodedClass:
        try:
            images = pickles.images(item.folder, item.split)
        except KeyError:
            self.refuse_missing(pickles.classes(), pickles.path)
            raise
        return DecodedClass(item.name, self.resized(images))

    def names_are_words(self, class_names: list[str]) -> bool:
        return False


@cache
def listed_files(how: str, split: str) -> dict[str, list[str]]:
    """The file names of each class of a split, as the list has them."""
    files: dict[str, list[str]] = {}
    for file, label in read_rows(f"miniimagenet_{how}", f"{split}.csv.gz"):
        files.setdefault(label, []).append(file)
    return files


def _pick(
    name: str, files: Mapping[str, Sequence[TreeFile]], listed: list[str]
) -> Sequence[TreeFile]:
    """The listed files of a class; all of a small folder whose files have other names."""
    found = files[name]
    by_stem = {PurePosixPath(file.name).stem: file for file in found}
    stems = [PurePosixPath(file).stem for file in listed]
    picked = [by_stem[stem] for stem in stems if stem in by_stem]
    if picked or len(found) <= len(listed):
        return picked or found
    return [by_stem[stem] for stem in by_position(name, by_stem, stems, found[0].tree.path)]


def by_position(name: str, found: Iterable[str], listed: list[str], where: Path) -> list[str]:
    """The names of ILSVRC's files by those of Ravi's list.

    `n0153282900000005` is the fifth of the training images of n01532829 by the number in ILSVRC's
    names. Raises BenchbenchError unless all images of the class are there to be counted.
    """
    numbered = {
        int(match[1]): file for file in found if (match := ILSVRC_NAME.fullmatch(file)) is not None
    }
    positions = [int(match[1]) for file in listed if (match := RAVI_NAME.fullmatch(file))]
    total = image_counts("ilsvrc_train")[name]
    if len(numbered) != total or len(positions) != len(listed):
        raise BenchbenchError(
            f"{where} holds {len(numbered)} of ILSVRC-2012's {total} training images of {name}, "
            "but miniImageNet numbers them by their position among all; copy the class again."
        )
    ordered = [numbered[number] for number in sorted(numbered)]
    return [ordered[position - 1] for position in positions]


def _table(tree: FileTree, split: str) -> list[tuple[str, str]]:
    """File name and label of each image by the copy's own csv file; none without one."""
    file = next((n for n in tree.names if PurePosixPath(n).name == f"{split}.csv"), None)
    if file is None:
        return []
    try:
        return parse_rows(tree.read(file).decode())
    except ValueError as error:
        raise copy_again(f"{file} in {tree.path} is not of the form 'filename,label'") from error


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(MiniImageNet)
