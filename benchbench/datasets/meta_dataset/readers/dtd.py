"""Describable Textures (Cimpoi et al., CVPR 2014): whole images, all of a class together.

torchvision's loader is not used: it gives one partition of three at a time. Meta-Dataset and
`FileTree.image_names` both leave a leftover file `.directory` out.
"""

from __future__ import annotations

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, read_class_folders
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec

LAYOUT = Layout(
    "DTD", ("dtd",), ("dtd-r1.0.1.tar.gz",), "dtd/ with images/CLASS/*.jpg, or dtd-r1.0.1.tar.gz"
)


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The images of `images/<class name>/`."""
    return read_class_folders(published, {name: name for name in spec.class_names}, ["images"])
