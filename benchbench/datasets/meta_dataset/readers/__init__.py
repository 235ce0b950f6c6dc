"""Reading the ten sources of Meta-Dataset from what their authors publish, without TensorFlow.

The rules are those of Meta-Dataset's own conversion (`dataset_conversion/dataset_to_records.py` in
github.com/google-research/meta-dataset): which images belong to a class, which are left out, and
how they are cropped. Unlike there, no image is compressed once more. A class's images are in the
order of their file names.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from benchbench.datasets.meta_dataset.readers import (
    aircraft,
    cu_birds,
    dtd,
    fungi,
    ilsvrc_2012,
    mscoco,
    omniglot,
    quickdraw,
    traffic_sign,
    vgg_flower,
)
from benchbench.datasets.meta_dataset.readers.layout import Published
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.errors import unknown_name

READERS: dict[str, ModuleType] = {
    "aircraft": aircraft,
    "cu_birds": cu_birds,
    "dtd": dtd,
    "fungi": fungi,
    "ilsvrc_2012": ilsvrc_2012,
    "mscoco": mscoco,
    "omniglot": omniglot,
    "quickdraw": quickdraw,
    "traffic_sign": traffic_sign,
    "vgg_flower": vgg_flower,
}
"""By source, a module with `LAYOUT: Layout` and `read(published, spec) -> SourceFiles`."""


def read(source: str, path: Path, spec: SourceSpec, unpack_to: Path) -> SourceFiles:
    """The images of a source, class by class, as its original distribution has them.

    path: the folder that the published archive unpacks to, the folder around it, a folder of the
    published archives, or one of them; unpack_to: where compressed tar archives are
    decompressed.

    Images that the published lists name but that are not there are left out. Raises
    BenchbenchError, one sentence that says what is missing and what the layout must be, where
    there is nothing to read or where a list is malformed.
    """
    if source not in READERS:
        raise unknown_name("source of Meta-Dataset", source, READERS)
    published = Published(path, READERS[source].LAYOUT, unpack_to)
    files: SourceFiles = READERS[source].read(published, spec)
    if not any(len(images) for images in files.images.values()):
        raise published.refusal(f"{path} has none of its images")
    return files
