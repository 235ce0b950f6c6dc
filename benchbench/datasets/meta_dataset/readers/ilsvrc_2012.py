"""ILSVRC-2012 (Russakovsky et al., IJCV 2015): the training images of its 1000 classes.

Meta-Dataset leaves out 403 images that CUB-200, Caltech-101 or Caltech-256 have too
(`SourceSpec.left_out`). Read plainly: torchvision's loader unpacks the archive and wants the
development kit. Folders, archives of a class and the archive of archives are listed class by class,
when a class is asked for.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from benchbench.datasets.meta_dataset.readers.class_folders import read_class_folders
from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, TreeFile
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.image_tars import Span, image_members, members, whole

WHOLE = "ILSVRC2012_img_train.tar"

LAYOUT = Layout(
    "ILSVRC-2012",
    (
        "ILSVRC2012_img_train",
        "ILSVRC2012",
        "ILSVRC",
        "ilsvrc2012",
        "ilsvrc_2012",
        "imagenet",
        "ImageNet",
    ),
    (),
    "the folders nXXXXXXXX/*.JPEG of its training set, the archives nXXXXXXXX.tar, or " + WHOLE,
)

AROUND = (
    "",
    "train",
    "ILSVRC2012_img_train",
    "Data/CLS-LOC/train",
    "ILSVRC/Data/CLS-LOC/train",
)
"""Where the training classes lie below the folder that a user names, the first that has any."""

List = Callable[[], Sequence[Any]]
"""Lists the images of one class."""


class ListedLater(Mapping[str, Sequence[Any]]):
    """Images by class name, each class listed when it is asked for the first time."""

    def __init__(self, lists: Mapping[str, List]) -> None:
        self._lists = lists
        self._listed: dict[str, Sequence[Any]] = {}

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self._listed:
            self._listed[name] = self._lists[name]()
        return self._listed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The training images of each WordNet identifier, in the order of their file names.

    Classes that are not there are left out.
    """
    wanted = set(spec.class_names)
    lists = _unpacked(published, wanted) or _packed(published, wanted)
    lists = lists or _elsewhere(published, spec)

    def kept(name: str) -> Sequence[TreeFile | Span]:
        return [file for file in lists[name]() if _path(name, file) not in spec.left_out]

    images = ListedLater({name: partial(kept, name) for name in spec.class_names if name in lists})
    return SourceFiles(images, _image)


def _unpacked(published: Published, wanted: set[str]) -> dict[str, List]:
    """Class folders, or a class's archive where it has no folder."""
    for folder in published.folders:
        for place in (folder / around for around in AROUND):
            entries = set(os.listdir(place)) if place.is_dir() else set()
            folders: dict[str, List] = {
                name: partial(_images, place / name) for name in wanted & entries
            }
            archives: dict[str, List] = {
                name: partial(_images, place / f"{name}.tar")
                for name in wanted
                if f"{name}.tar" in entries
            }
            if folders or archives:
                return archives | folders
    return {}


def _packed(published: Published, wanted: set[str]) -> dict[str, List]:
    """The archives of classes inside the archive of all."""
    candidates = [folder / WHOLE for folder in published.folders]
    if published.path.suffix == ".tar":
        candidates = [published.path]
    archive = next((file for file in candidates if file.is_file()), None)
    if archive is None:
        return {}
    found = {PurePosixPath(span.name).stem: span for span in _checked(published, archive)}
    return {
        name: partial(_images_inside, published, found[name]) for name in found if name in wanted
    }


def _elsewhere(published: Published, spec: SourceSpec) -> dict[str, List]:
    """Class folders wherever they are, in an archive as well."""
    files = read_class_folders(published, {name: name for name in spec.class_names}, ["train"])
    found = [name for name, images in files.images.items() if images]
    return {name: partial(files.images.__getitem__, name) for name in found}


def _images(place: Path) -> list[TreeFile]:
    """The images of a class's folder or archive."""
    tree = FileTree(place)
    return [TreeFile(tree, name) for name in tree.image_names()]


def _images_inside(published: Published, tar: Span) -> list[Span]:
    """The images of a class's archive inside the archive of all."""
    try:
        return image_members(tar)
    except (tarfile.TarError, OSError) as error:
        raise published.refusal(f"{tar.name} of {tar.archive} is damaged ({error})") from error


def _checked(published: Published, archive: Path) -> list[Span]:
    try:
        return list(members(whole(archive)))
    except (tarfile.TarError, OSError) as error:
        raise published.refusal(f"{archive} is damaged ({error})") from error


def _path(wnid: str, file: TreeFile | Span) -> str:
    return f"{wnid}/{PurePosixPath(file.name).name}"


def _image(file: TreeFile | Span) -> Image.Image:
    return file.image()
