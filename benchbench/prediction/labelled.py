"""The labelled pictures that a method adapts to: a folder of pictures for each class."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchbench.datasets.class_layout import laid_out
from benchbench.datasets.integrity.checks import some
from benchbench.datasets.open_dataset import Pixels
from benchbench.datasets.reading.contents import contents_of
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, shown
from benchbench.datasets.reading.walking import is_hidden
from benchbench.errors import BenchbenchError
from benchbench.prediction.pictures import PictureReader, say_unreadable
from benchbench.system.arrays import IntArray
from benchbench.system.places import expanded
from benchbench.system.progress import say


@dataclass(frozen=True)
class LabelledFiles:
    """classes: the files of each class, by its name, in the order of class slots."""

    path: Path
    classes: dict[str, list[TreeFile]]

    @property
    def files(self) -> list[TreeFile]:
        """All of them, class by class."""
        return [file for members in self.classes.values() for file in members]


@dataclass(frozen=True)
class LabelledImages:
    """images: uint8 [n, h, w, c], or `HeldPictures`; labels: int64 [n], class slots; class_names:
    by slot.
    """

    images: Pixels
    labels: IntArray
    class_names: tuple[str, ...]

    @property
    def shots(self) -> list[int]:
        """The number of images of each class."""
        counts: list[int] = np.bincount(self.labels, minlength=len(self.class_names)).tolist()
        return counts


def labelled_files(folder: Path) -> LabelledFiles:
    """The pictures of each class below a folder or in an archive, as `folder:` finds them.

    Raises BenchbenchError if there are fewer than two classes, or one has no picture.
    """
    path = expanded(folder)
    if not path.exists():
        raise BenchbenchError(f"There is no folder {path} of labelled pictures.")
    tree = FileTree(path)
    contents = contents_of(tree)
    try:
        layout = laid_out(contents.images)
    except BenchbenchError as error:
        raise BenchbenchError(f"{path}: {error}") from error
    for sentence in (*layout.remarks, *contents.remarks(), *contents.unread_folders()):
        say(f"{path}: {sentence}")
    classes = {
        shown(name): [TreeFile(tree, file) for file in files]
        for name, files in layout.classes.items()
    }
    if empty := _empty_folders(path, contents.images):
        raise _without_pictures(path, empty)
    if len(classes) < 2:
        raise BenchbenchError(
            f"{path} has pictures of {len(classes)} class{'es' * (not classes)}, of which at least "
            "two are needed: a folder for each class, with its pictures in it."
        )
    return LabelledFiles(path, classes)


def _empty_folders(path: Path, images: list[str]) -> list[str]:
    """The folders at the top that hold no picture at all; none of an archive."""
    if not path.is_dir():
        return []
    filled = {name.partition("/")[0] for name in images if "/" in name}
    found = (entry.name for entry in sorted(path.iterdir()) if entry.is_dir())
    return [shown(name) for name in found if not is_hidden(name) and name not in filled]


def _without_pictures(path: Path, classes: list[str]) -> BenchbenchError:
    one = len(classes) == 1
    return BenchbenchError(
        f"{path}: {some(classes)} {'has' if one else 'have'} no picture that can be read; put at "
        f"least one there, or remove the folder{'' if one else 's'}."
    )


def read_labelled(found: LabelledFiles, reader: PictureReader) -> LabelledImages:
    """The pictures decoded; those that cannot be read are named and left out.

    Raises BenchbenchError if none of a class can be read.
    """
    files = found.files
    images, readable = reader.read(files, str(found.path))
    slots = np.repeat(np.arange(len(found.classes)), list(map(len, found.classes.values())))
    labelled = LabelledImages(images, slots[readable].astype(np.int64), tuple(found.classes))
    empty = [name for name, shot in zip(found.classes, labelled.shots, strict=True) if not shot]
    if empty:
        raise _without_pictures(found.path, empty)
    left_out = sorted({*range(len(files))} - {*readable})
    names = [shown(posixpath.join(str(found.path), files[place].name)) for place in left_out]
    say_unreadable(names, "not in the support")
    return labelled
