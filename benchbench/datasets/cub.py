"""Caltech-UCSD Birds-200-2011 (Wah et al., 2011), in the split of `A Closer Look` or another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeAlias

import numpy as np

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.cub_splits import CLOSER_LOOK, check_split, deal
from benchbench.datasets.decoded import PendingClass
from benchbench.datasets.listed import ListedClass, ListedDataset, image_counts
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, located
from benchbench.datasets.reading.images import Interpolation, as_array, resize
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Side
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.framing import NATIVE
from benchbench.system.places import Places

FOLDERS = ("CUB_200_2011", "cub", "CUB", "cub_200_2011", "CUB-200-2011")
CURE = (
    "CUB_200_2011.tgz is not under the data root: get it from "
    "https://data.caltech.edu/records/65de6-vp158 and put it there, unpacked or as it is, or name "
    "it with `benchbench data prepare cub --from PATH`."
)

ATTRIBUTES = "class_attribute_labels_continuous.txt"

Box: TypeAlias = tuple[int, int, int, int]  # left, top, right and bottom, in pixels


@dataclass
class Cub(ListedDataset):
    """CUB-200-2011 (Wah et al., 2011): 11 788 photographs of 200 species of birds.

    100 / 50 / 50 classes as in Chen et al. (A Closer Look at Few-shot Classification, ICLR 2019):
    of every four classes, in the order of their numbers, the first and third are for training, the
    second for validation and the fourth for test. The files are `CUB_200_2011/images/` under the
    data root or `CUB_200_2011.tgz`.

    size: pixels of the square that each image is resized to, whatever its shape; or `native`, which
        keeps each picture as it is, for a backbone that comes with weights.
    interpolation: Pillow's filter for that.
    crop: each image is cut to the bird by `bounding_boxes.txt` first.
    split: `closer_look`, or a folder with `trainclasses1.txt`, `valclasses1.txt` and
        `testclasses.txt`, such as that of CUB in the published proposed split of zero-shot papers
        (Xian et al., TPAMI 2019), whose lists are not packaged.
    merge_val: validation classes are learned from as well, 150 / 50 classes, as such papers do.
    The 312 attributes are the shares of the people asked who saw each in pictures of the species,
    of `attributes/class_attribute_labels_continuous.txt`; a copy without that file has none.
    """

    name: ClassVar[str] = "cub"
    licence: ClassVar[str] = "none stated; the photographs are their authors'; cite Wah et al. 2011"
    size: Side = 84
    interpolation: Interpolation = "bilinear"
    crop: bool = False
    split: str = CLOSER_LOOK
    merge_val: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_split(self.split)
        if self.crop and self.size == NATIVE:
            raise ValueError("crop=true cuts pictures to squares; leave it out, or give size=N")

    def listed(self) -> list[ListedClass]:
        """In the order of their numbers."""
        counts = image_counts("cub")
        dealt = deal(self.split, counts)
        if self.merge_val:
            dealt = {name: "train" if part == "val" else part for name, part in dealt.items()}
        return [
            # '001.Black_footed_Albatross' is called 'Black footed Albatross'.
            ListedClass(name.partition(".")[2].replace("_", " "), dealt.get(name, ""), name, count)
            for name, count in sorted(counts.items())
        ]

    def pixel_parameters(self) -> dict[str, Any]:
        parameters = super().pixel_parameters()
        return {key: v for key, v in parameters.items() if key not in ("split", "merge_val")}

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        left = [item.folder for item in self.listed() if not item.split]
        if left:
            self.remark(
                f"classes in no list of {self.split}, left out: {len(left)}, such as {left[0]}"
            )
        return super().split_classes(class_names, sources)

    def sources(self, places: Places) -> list[Path]:
        return [located(self, places, FOLDERS, CURE)]

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        tree = FileTree(sources[0])
        if self.crop:
            bounding_boxes(tree)  # a mistake in them shows before anything is decoded
        return self.announced(self.folders_in(tree, one_place=True), sources)

    def attributes(self, class_names: list[str], sources: list[Path]) -> ClassAttributes | None:
        if not sources[0].exists():
            self.remark(f"{sources[0]} is gone and the attributes with it; the images are decoded.")
            return None
        return class_attributes(FileTree(sources[0]), [item.folder for item in self.listed()])

    def decode_image(self, file: TreeFile) -> ByteArray:
        if not self.crop:
            return super().decode_image(file)
        key = "/".join(PurePosixPath(file.name).parts[-2:])
        box = bounding_boxes(file.tree).get(key)
        if box is None:
            raise BenchbenchError(
                f"bounding_boxes.txt of {file.tree.path} has no box of {key}; copy or download it "
                "again, or leave out crop=true."
            )
        image = file.image().convert("RGB").crop(box)
        assert not isinstance(self.size, str), "crop goes with no native size"
        return as_array(resize(image, self.size, self.interpolation))


@lru_cache(maxsize=1)
def bounding_boxes(tree: FileTree) -> dict[str, Box]:
    """The box of the bird in each image, by `CLASS/FILE`. Raises BenchbenchError without them."""
    try:
        files = dict(line.split() for line in _lines(tree, "images.txt"))
        rows = [line.split() for line in _lines(tree, "bounding_boxes.txt")]
        return {files[number]: _box(values) for number, *values in rows}
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise BenchbenchError(
            f"{tree.path} has no images.txt and bounding_boxes.txt that fit; copy or download it "
            "again, or leave out crop=true."
        ) from error


def class_attributes(tree: FileTree, folders: list[str]) -> ClassAttributes | None:
    """The attributes of the classes with these folders, 0 to 1; None if their file is not there.

    The names of the attributes are in `attributes.txt`, beside the folder `CUB_200_2011` of the
    archive; without it they are numbers. Raises BenchbenchError if the files do not fit.
    """
    if not (file := _file_of(tree, f"attributes/{ATTRIBUTES}")):
        return None
    try:
        classes = dict(line.split() for line in _lines(tree, "classes.txt"))
        rows = [[float(cell) for cell in line.split()] for line in _read_lines(tree, file)]
        # Its lines are in the order of the numbers of classes.txt, from 1.
        numbers = {folder: int(number) - 1 for number, folder in classes.items()}
        shares = np.array([rows[numbers[folder]] for folder in folders]) / 100
        values = shares.astype(np.float32)
        found = _file_of(tree, "attributes.txt") or _file_of(tree, "attributes/attributes.txt")
        names = [line.split()[1] for line in _read_lines(tree, found)] if found else []
        return ClassAttributes(tuple(names or map(str, range(1, values.shape[1] + 1))), values)
    except (FileNotFoundError, LookupError, ValueError) as error:
        raise BenchbenchError(
            f"{tree.path} has no classes.txt and attributes.txt that fit {ATTRIBUTES}; copy or "
            "download it again, or move that file away."
        ) from error


def _box(values: list[str]) -> Box:
    left, top, width, height = map(float, values)
    box = round(left), round(top), round(left + width), round(top + height)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ValueError("an empty box")
    return box


def _file_of(tree: FileTree, name: str) -> str:
    """The path of a file next to `images/`, or to the folder around that; empty without it."""
    known = (name, f"CUB_200_2011/{name}")
    return next((candidate for candidate in known if candidate in tree.names), "")


def _lines(tree: FileTree, name: str) -> list[str]:
    """The lines of a file next to `images/`."""
    return _read_lines(tree, _file_of(tree, name) or name)


def _read_lines(tree: FileTree, file: str) -> list[str]:
    return [line for line in tree.read(file).decode().splitlines() if line.strip()]


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Cub)
