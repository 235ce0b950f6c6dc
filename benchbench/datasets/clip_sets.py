"""The CLIP line's eleven data sets, with their training, validation and test images."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchbench.datasets.base import Dataset
from benchbench.datasets.class_words import are_words
from benchbench.datasets.clip_sets_lists import ListedImage, coop_lists, find_member
from benchbench.datasets.clip_sets_table import ROWS, ClipSet
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.image_files import names_of
from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.reading.conversion import WHITE
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, located
from benchbench.datasets.reading.pictures import Pictures
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Side
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places


@dataclass
class ClipSetData(Dataset):
    """The images of a row of the table, in three channels; all classes are test classes.

    size: pixels of the square image that each is resized to (Pillow, bilinear); or `native`, which
        keeps each picture as it is, for a backbone that comes with weights.
    lists: what tells training, validation and test images apart: `coop` is CoOp's file, `official`
        the lists of the data set, `auto` CoOp's file if it is there.
    """

    row: ClassVar[ClipSet]
    size: Side = 224
    lists: Literal["auto", "coop", "official"] = "auto"

    def __init_subclass__(cls) -> None:
        """Take the row of its name, which completes the description as well."""
        cls.row = row = next(row for row in ROWS if row.name == cls.name)
        cls.licence = row.licence
        where = (
            f"Read are {' or '.join(f'`{folder}`' for folder in row.folders)} below the data root"
        )
        coop = f", and CoOp's `{row.coop}` in or beside it" if row.coop else ""
        _, _, parameters = str(ClipSetData.__doc__).partition("\n\n")
        told = f"All classes are test classes. {where}{coop}."
        cls.__doc__ = f"{cls.__doc__}\n\n    {told}\n\n{parameters}"

    def sources(self, places: Places) -> list[Path]:
        """The folder or archive of the images, and CoOp's file if it lies beside that."""
        row = self.row
        cure = (
            f"{row.name} is not here; put its files below the data root as "
            f"{' or '.join(f'{folder}/' for folder in row.folders)}, or name another place with "
            f"`benchbench data prepare {row.name} --from FOLDER`."
        )
        found = located(self, places, row.folders, cure)
        beside = found.parent / row.coop
        return [found, beside] if row.coop and beside.is_file() else [found]

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        tree = FileTree(sources[0])
        listed = self._listed(tree, sources[1:])
        files, missing = _located(tree, listed)
        if not any(files.values()):
            raise copy_again(
                f"{tree.path} has none of the {len(listed)} images that its lists name"
            )
        self._remark_unlisted(tree, files)
        everything = [file for own in files.values() for file, _ in own]
        pictures = Pictures(everything, self.size, "rgb", WHITE)

        def load(label: str) -> DecodedClass:
            found = pictures.decoded([file for file, _ in files[label]])
            used = [files[label][place][1] for place in found.readable]
            parts = [part for part in used if part is not None]
            return DecodedClass(
                label,
                found.images,
                unreadable=[*found.unreadable, *missing[label]],
                changes=found.changes,
                parts=parts if len(parts) == len(used) else None,
            )

        def names(label: str) -> list[str]:
            return [*names_of(file for file, _ in files[label]), *missing[label]]

        for label in files:
            yield PendingClass(label, partial(load, label), partial(names, label))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        none = np.empty(0, np.int64)
        return {"train": none, "val": none, "test": np.arange(len(class_names))}

    def names_are_words(self, class_names: list[str]) -> bool:
        """False of ImageNet without the names of its folders."""
        return are_words(class_names)

    def _listed(self, tree: FileTree, beside: Sequence[Path]) -> list[ListedImage]:
        """The images by CoOp's file, else by the lists of the data set."""
        file = self.row.coop
        member = find_member(tree, file) if file else None
        if self.lists != "official" and (beside or member):
            content = tree.read(member) if member else beside[0].read_bytes()
            self.remark(f"Training, validation and test images are those of CoOp's {file}.")
            return coop_lists(content, f"{file} of {tree.path}")
        if self.lists == "coop" and file:
            raise BenchbenchError(f"{file} is not in {tree.path}; put it there, or beside it.")
        try:
            listed = list(self.row.official(tree))
        except (LookupError, TypeError, ValueError) as error:
            raise copy_again(f"the lists in {tree.path} do not fit each other") from error
        if file:
            parts = sorted({image.part for image in listed if image.part})
            use = f"are the official ones ({', '.join(parts)})" if parts else "are not told apart"
            why = "by choice" if self.lists == "official" else f"for CoOp's {file} is not here"
            self.remark(f"The uses of the {len(listed)} listed images {use}, {why}.")
        return listed

    def _remark_unlisted(
        self, tree: FileTree, files: dict[str, list[tuple[TreeFile, str | None]]]
    ) -> None:
        """Say how many images of the listed kinds are in no list."""
        listed = {file.name for own in files.values() for file, _ in own}
        kinds = {posixpath.splitext(name)[1] for name in listed}
        names = (name for name in tree.image_names() if posixpath.splitext(name)[1] in kinds)
        if rest := [name for name in names if name not in listed]:
            what = plural(len(rest), "image is", "images are")
            self.remark(f"{what} in no list and left out: {some(rest)}.")


def _located(
    tree: FileTree, listed: Sequence[ListedImage]
) -> tuple[dict[str, list[tuple[TreeFile, str | None]]], dict[str, list[str]]]:
    """By class, the images and their parts, and the listed files that are not in the tree.

    Of several files whose paths end alike the one that is nearest to the top counts.
    """
    by_name: dict[str, list[str]] = {}
    for name in tree.image_names():
        by_name.setdefault(posixpath.basename(name), []).append(name)
    labels = sorted({image.label for image in listed})
    files: dict[str, list[tuple[TreeFile, str | None]]] = {label: [] for label in labels}
    missing: dict[str, list[str]] = {label: [] for label in labels}
    for image in listed:
        same = by_name.get(posixpath.basename(image.file), [])
        found = [name for name in same if f"/{name}".endswith(f"/{image.file}")]
        if found:
            nearest = min(found, key=lambda name: (name.count("/"), name))
            files[image.label].append((TreeFile(tree, nearest), image.part))
        else:
            missing[image.label].append(image.file)
    return files, missing


@dataclass
class Caltech101(ClipSetData):
    """Caltech-101 (Li et al., 2004): pictures of objects; without official parts."""

    name = "caltech101"


@dataclass
class OxfordPets(ClipSetData):
    """Oxford-IIIT Pets (Parkhi et al., CVPR 2012): 37 breeds of cats and dogs."""

    name = "oxford_pets"


@dataclass
class StanfordCars(ClipSetData):
    """Stanford Cars (Krause et al., 2013): 196 makes, models and years of cars."""

    name = "stanford_cars"


@dataclass
class Flowers102(ClipSetData):
    """102 Category Flowers (Nilsback and Zisserman, 2008)."""

    name = "flowers102"


@dataclass
class Food101(ClipSetData):
    """Food-101 (Bossard et al., ECCV 2014): 101 dishes; training images have some noise."""

    name = "food101"


@dataclass
class FgvcAircraft(ClipSetData):
    """FGVC-Aircraft (Maji et al., arXiv:1306.5151): 100 variants of aircraft."""

    name = "fgvc_aircraft"


@dataclass
class Sun397(ClipSetData):
    """SUN397 (Xiao et al., CVPR 2010): 397 scenes; its first partition."""

    name = "sun397"


@dataclass
class Dtd(ClipSetData):
    """Describable Textures (Cimpoi et al., CVPR 2014): 47 textures; its first partition."""

    name = "dtd"


@dataclass
class Eurosat(ClipSetData):
    """EuroSAT (Helber et al., 2019): 10 kinds of land from above; without official parts."""

    name = "eurosat"


@dataclass
class Ucf101(ClipSetData):
    """UCF101 (Soomro et al., 2012): the middle frames of films of 101 actions; first partition."""

    name = "ucf101"


@dataclass
class Imagenet(ClipSetData):
    """ImageNet (ILSVRC 2012): 1000 classes; the validation images are the test part."""

    name = "imagenet"


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    for cls in ClipSetData.__subclasses__():
        register(cls)
