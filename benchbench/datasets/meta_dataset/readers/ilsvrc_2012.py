"""ILSVRC-2012 (Russakovsky et al., IJCV 2015): the training images of its 1000 classes.

Meta-Dataset leaves out 403 images that CUB-200, Caltech-101 or Caltech-256 have too
(`SourceSpec.left_out`). torchvision's loader is not used: it unpacks the archive and needs the
development kit. Each class is listed when its turn comes, be it a folder, an archive, or an archive
inside the archive of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, read_class_folders
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.class_folders import (
    ILSVRC_FOLDERS,
    ListedLater,
    class_folders,
    in_folders,
)
from benchbench.datasets.reading.file_tree import TreeFile

WHOLE = "ILSVRC2012_img_train.tar"

LAYOUT = Layout(
    "ILSVRC-2012",
    ("ILSVRC2012_img_train", *ILSVRC_FOLDERS, "ilsvrc_2012"),
    (),
    "the folders nXXXXXXXX/*.JPEG of its training set, the archives nXXXXXXXX.tar, or " + WHOLE,
)


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The training images of each WordNet identifier that is there, in the order of file names."""
    files = _unpacked(published, spec) or _packed(published, spec) or _elsewhere(published, spec)

    def kept(name: str) -> Sequence[TreeFile]:
        return [
            file
            for file in files[name]
            if f"{name}/{PurePosixPath(file.name).name}" not in spec.left_out
        ]

    lists = {name: partial(kept, name) for name in spec.class_names if name in files}
    return SourceFiles(ListedLater(lists), TreeFile.image)


def _unpacked(published: Published, spec: SourceSpec) -> Mapping[str, Sequence[TreeFile]]:
    """Class folders, or a class's archive if it has no folder."""
    wanted = dict.fromkeys(spec.class_names, "train")
    for folder in published.folders:
        found = class_folders(folder, wanted, ".tar") | class_folders(folder, wanted)
        if found:
            return in_folders(found.values())
    return {}


def _packed(published: Published, spec: SourceSpec) -> Mapping[str, Sequence[TreeFile]]:
    """The archives of classes inside the archive of all."""
    candidates = [folder / WHOLE for folder in published.folders] or [published.path]
    archive = next((file for file in candidates if file.suffix == ".tar" and file.is_file()), None)
    if archive is None:
        return {}
    tree = published.open(archive)
    tars = {PurePosixPath(name).stem: name for name in tree.names if name.endswith(".tar")}

    def images(name: str) -> list[TreeFile]:
        return tree.inner_tar(tars[name]).images()

    return ListedLater({name: partial(images, name) for name in spec.class_names if name in tars})


def _elsewhere(published: Published, spec: SourceSpec) -> Mapping[str, Sequence[TreeFile]]:
    """Class folders wherever they are, in an archive as well."""
    files = read_class_folders(published, {name: name for name in spec.class_names}, ["train"])
    return {name: images for name, images in files.images.items() if images}
