"""Oxford 102 Flowers (Nilsback & Zisserman, ICVGIP 2008): whole images, by `imagelabels.mat`.

torchvision's loader is not used: it gives one list at a time and needs a third file.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import TreeFile
from benchbench.system.arrays import IntArray

LAYOUT = Layout(
    "VGG Flower",
    ("vgg_flower", "flowers-102", "102flowers"),
    ("102flowers.tgz",),
    "a folder with imagelabels.mat and jpg/image_*.jpg, or with imagelabels.mat and 102flowers.tgz",
)

LABELS = "imagelabels.mat"


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The images whose label is NNN for the class `NNN.name`; labels count from one."""
    labels = _labels(published)
    photographs = published.part("jpg/")
    names = {int(name.partition(".")[0]): name for name in spec.class_names}
    images: dict[str, list[TreeFile]] = {name: [] for name in spec.class_names}
    for number, label in enumerate(labels.tolist(), start=1):
        file = f"jpg/image_{number:05d}.jpg"
        if label in names and photographs.has(file):
            images[names[label]].append(photographs.file(file))
    return SourceFiles(images, TreeFile.image)


def _labels(published: Published) -> IntArray:
    """The label of each image, int64 [n]. Raises BenchbenchError if the file has none."""
    from scipy.io import loadmat

    content: Any = io.BytesIO(published.part(LABELS).read(LABELS))
    try:
        labels = np.ravel(loadmat(content)["labels"])
        if labels.dtype.kind not in "ui":
            labels = labels.astype(np.float64)
        return labels.astype(np.int64)
    except Exception as error:  # SciPy raises many kinds for a damaged file
        raise published.refusal(f"{LABELS} in {published.path} has no 'labels'") from error
