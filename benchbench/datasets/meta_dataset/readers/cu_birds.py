"""Caltech-UCSD Birds-200-2011 (Wah et al., 2011): whole images, as Meta-Dataset has them."""

from __future__ import annotations

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, read_class_folders
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec

LAYOUT = Layout(
    "CUB-200-2011",
    ("CUB_200_2011",),
    ("CUB_200_2011.tgz",),
    "CUB_200_2011/ with images/CLASS/*.jpg, or CUB_200_2011.tgz",
)


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The images of `images/<class name>/`."""
    return read_class_folders(published, {name: name for name in spec.class_names}, ["images"])
