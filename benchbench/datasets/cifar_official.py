"""CIFAR-10 and CIFAR-100 with their own training and test images, for `--sampler kshot`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import ClassVar

from benchbench.datasets.cifar import FOLDERS, ORIGINAL, CifarFS, coarse_labels
from benchbench.datasets.cifar_python import SIZE, PythonVersion, downloaded, names_of_labels
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.listed import ListedClass, ListedDataset
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, located
from benchbench.datasets.reading.images import Interpolation
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Pixels
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import Places
from benchbench.system.vision import torchvision

ORIGINAL_10 = "cifar-10-batches-py"
NAMES_10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
BATCHES = {"test": ("test_batch",), "train": tuple(f"data_batch_{n}" for n in range(1, 6))}
IMAGES_10 = 6000
BEGINNINGS = {"te_": "test", "tr_": "train"}
"""How the names of files begin that tell what CIFAR uses an image for."""


@dataclass
class Cifar100(CifarFS):
    """CIFAR-100 (Krizhevsky, 2009): 100 classes of 500 training and 100 test images.

    All classes are test classes, and images are told apart as training and test images. The files
    are `cifar-100-python` or those of `cifar_fs`, if the names of its images begin with `tr_` and
    `te_`. Parameters are those of `cifar_fs`.
    """

    name: ClassVar[str] = "cifar100"
    folders: ClassVar[tuple[str, ...]] = (ORIGINAL, *FOLDERS)

    def split_by_class(self) -> dict[str, str]:
        return dict.fromkeys(coarse_labels(), "test")

    def told(self, parts: list[str]) -> list[str] | None:
        return parts

    def part_of(self, file: TreeFile) -> str:
        """Raises BenchbenchError if the file's name does not tell."""
        name = PurePosixPath(file.name).name
        part = next((part for begin, part in BEGINNINGS.items() if name.startswith(begin)), None)
        if part is None:
            raise BenchbenchError(
                f"{file.tree.path} does not tell whether '{name}' is a training or a test image of "
                f"CIFAR-100; put {ORIGINAL}.tar.gz below the data root."
            )
        return part


@dataclass
class Cifar10(ListedDataset):
    """CIFAR-10 (Krizhevsky, 2009): 10 classes of 5000 training and 1000 test images.

    All classes are test classes, and images are told apart as training and test images. The files
    are `cifar-10-batches-py`, unpacked or as `cifar-10-python.tar.gz`, which is downloaded if it is
    missing.

    size: pixels of the square image; 32 is the original and leaves the pixels untouched.
    interpolation: the filter of Pillow for another size.
    """

    name: ClassVar[str] = "cifar10"
    licence: ClassVar[str] = "none stated; free for research, cite Krizhevsky 2009"
    size: Pixels = SIZE
    interpolation: Interpolation = "bilinear"

    def listed(self) -> list[ListedClass]:
        return [ListedClass(name, "test", name, IMAGES_10) for name in NAMES_10]

    def sources(self, places: Places) -> list[Path]:
        """The folder of the python version, or its archive."""
        try:
            return [located(self, places, (ORIGINAL_10, "cifar-10-python"), "")]
        except BenchbenchError:
            if self.origin is not None:
                raise
            return [downloaded(torchvision("datasets").CIFAR10, places)]

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        tree = FileTree(sources[0])
        names = names_of_labels(tree, ORIGINAL_10, "batches.meta", "label_names")
        self.refuse_missing(names, tree.path)
        pictures = PythonVersion(tree, ORIGINAL_10, BATCHES, "labels")

        def load(item: ListedClass) -> DecodedClass:
            images, parts = pictures.of_label(names.index(item.folder))
            return DecodedClass(item.name, self.resized(images), parts=parts)

        for item in self.listed():
            yield PendingClass(item.name, partial(load, item))


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Cifar10)
    register(Cifar100)
