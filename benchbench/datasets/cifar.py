"""CIFAR-FS and FC100: two splits of the hundred classes of CIFAR-100."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import ClassVar

from benchbench.datasets.base import SPLITS
from benchbench.datasets.cifar_python import (
    SIZE,
    PythonVersion,
    downloaded,
    has_member,
    names_of_labels,
)
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.listed import ListedClass, ListedDataset, read_json
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, UnreadableImageError, located
from benchbench.datasets.reading.images import Interpolation
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Pixels
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import ByteArray
from benchbench.system.places import Places
from benchbench.system.vision import torchvision

FOLDERS = ("cifar_fs", "cifar-fs", "CIFAR-FS", "fc100", "FC100")
ORIGINAL = "cifar-100-python"
IMAGES = 600


@dataclass
class CifarFS(ListedDataset):
    """CIFAR-FS (Bertinetto et al., ICLR 2019): 64 / 16 / 20 classes of CIFAR-100, 600 images each.

    The files are `cifar_fs/train`, `val` and `test` under the data root, folders or zip files with
    a folder of images per class, else `cifar-100-python`, unpacked or as `.tar.gz`, which is
    downloaded if it is missing. Classes are in alphabetical order; the images of one are in the
    order of the file names, or else CIFAR's test images before its training images, each in
    CIFAR's order. Between these the order of the images, and so the fingerprint, may differ.

    size: pixels of the square image; 32 is the original and leaves the pixels untouched.
    interpolation: the filter of Pillow for another size.
    """

    name: ClassVar[str] = "cifar_fs"
    licence: ClassVar[str] = "none stated; free for research, cite Krizhevsky 2009"
    folders: ClassVar[tuple[str, ...]] = (*FOLDERS, ORIGINAL)
    """Where the files may lie below the data root, in the order in which that is looked for."""
    size: Pixels = SIZE
    interpolation: Interpolation = "bilinear"

    def listed(self) -> list[ListedClass]:
        deal = self.split_by_class()
        return [
            ListedClass(_words(fine), deal[fine], fine, IMAGES, (_words(coarse),))
            for fine, coarse in sorted(coarse_labels().items())
        ]

    def split_by_class(self) -> dict[str, str]:
        """The split of each fine label."""
        return {fine: split for split, pairs in read_json("cifar_fs").items() for _, fine in pairs}

    def sources(self, places: Places) -> list[Path]:
        """Three folders or archives of class folders, or CIFAR-100's own folder or archive."""
        try:
            found = located(self, places, self.folders, "")
        except BenchbenchError:
            if self.origin is not None:
                raise
            return [downloaded(torchvision("datasets").CIFAR100, places)]
        parts = [_part(found, split) for split in SPLITS]
        return [part for part in parts if part is not None] if all(parts) else [found]

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass | PendingClass]:
        trees = [FileTree(source) for source in sources]
        if len(trees) == 1 and has_member(trees[0], ORIGINAL, "meta"):
            return self._decode_original(trees[0])
        return self.announced(_class_files(trees), sources)

    def decode_image(self, file: TreeFile) -> ByteArray:
        """One image. Raises BenchbenchError if it is unreadable: no image may be missing."""
        try:
            return super().decode_image(file)
        except UnreadableImageError as error:
            raise copy_again(f"{file.name} in {file.tree.path} is not an image") from error

    def _decode_original(self, tree: FileTree) -> Iterator[PendingClass]:
        files = {"test": ("test",), "train": ("train",)}
        pictures = PythonVersion(tree, ORIGINAL, files, "fine_labels")
        fine = names_of_labels(tree, ORIGINAL, "meta", "fine_label_names")
        self.refuse_missing(fine, tree.path)

        def load(item: ListedClass) -> DecodedClass:
            images, parts = pictures.of_label(fine.index(item.folder))
            _refuse_other_count(tree.path, item.folder, len(images))
            return DecodedClass(
                item.name, self.resized(images), item.parent, parts=self.told(parts)
            )

        for item in self.listed():
            yield PendingClass(item.name, partial(load, item))

    def told(self, parts: list[str]) -> list[str] | None:
        """What is told of CIFAR's own use of a class's images: here splits are of classes alone."""
        return None


@dataclass
class FC100(CifarFS):
    """FC100 (Oreshkin et al., NeurIPS 2018): 60 / 20 / 20 classes of CIFAR-100, 600 images each.

    No super-class is in two splits. Files and parameters are those of `cifar_fs`.
    """

    name: ClassVar[str] = "fc100"

    def split_by_class(self) -> dict[str, str]:
        home = {coarse: split for split, names in read_json("fc100").items() for coarse in names}
        return {fine: home[coarse] for fine, coarse in coarse_labels().items()}


def coarse_labels() -> dict[str, str]:
    """The super-class of each of CIFAR-100's fine labels."""
    return {fine: coarse for pairs in read_json("cifar_fs").values() for coarse, fine in pairs}


def _words(label: str) -> str:
    return label.replace("_", " ")


def _part(folder: Path, split: str) -> Path | None:
    """The folder, else the zip file, of a split."""
    if (folder / split).is_dir():
        return folder / split
    return folder / f"{split}.zip" if (folder / f"{split}.zip").is_file() else None


def _class_files(trees: list[FileTree]) -> dict[str, list[TreeFile]]:
    """The images by fine label, from all parts. Raises BenchbenchError unless each has 600."""
    found: dict[str, list[TreeFile]] = {}
    for tree in trees:
        by_class = tree.images_by(lambda name: PurePosixPath(name).parent.name)
        for label in sorted(by_class.keys() & coarse_labels().keys()):
            _refuse_other_count(tree.path, label, len(by_class[label]))
            found[label] = by_class[label]
    return found


def _refuse_other_count(where: Path, label: str, count: int) -> None:
    if count != IMAGES:
        raise copy_again(f"{where} holds {count} images of '{label}' instead of {IMAGES}")


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(CifarFS)
    register(FC100)
