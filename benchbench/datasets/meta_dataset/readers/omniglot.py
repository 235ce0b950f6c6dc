"""Omniglot (Lake et al., Science 350, 2015): the characters of both sets, white ink on black.

Meta-Dataset inverts the published drawings, which are black on white. torchvision's loader is not
used: it opens one set at a time and gives numbers instead of characters.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from PIL import Image, ImageOps

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import TreeFile

LAYOUT = Layout(
    "Omniglot",
    ("omniglot-py", "omniglot"),
    ("images_background.zip", "images_evaluation.zip"),
    "a folder with images_background/ and images_evaluation/, or with these as .zip",
)

SETS = ("images_background", "images_evaluation")


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The drawings of `ALPHABET/CHARACTER/`, grouped by drawer: the number at a file name's end."""
    images: dict[str, list[TreeFile]] = {name: [] for name in spec.class_names}
    groups: dict[str, list[str]] = {name: [] for name in spec.class_names}
    for folder in SETS:
        part = published.part(f"{folder}/")
        for name in part.images():
            place, _, inner = name.partition("/")
            alphabet, _, rest = inner.partition("/")
            label = f"{alphabet}-{PurePosixPath(rest).parent}"
            if place == folder and label in images:
                images[label].append(part.file(name))
                groups[label].append(f"{alphabet}/{PurePosixPath(rest).stem.rpartition('_')[2]}")
    return SourceFiles(images, _drawing, groups)


def _drawing(file: TreeFile) -> Image.Image:
    return ImageOps.invert(file.image().convert("L"))
