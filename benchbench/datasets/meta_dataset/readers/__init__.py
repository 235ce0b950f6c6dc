"""Reading the ten sources of Meta-Dataset from what their authors publish, without TensorFlow.

The rules are those of Meta-Dataset's own conversion (`dataset_conversion/dataset_to_records.py` in
github.com/google-research/meta-dataset): which images belong to a class, which are left out, and
how they are cropped. Unlike there, no image is compressed again. A class's images are in the order
of their file names.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchbench.datasets.meta_dataset.readers.layout import Published
from benchbench.datasets.meta_dataset.spec import SOURCES, SourceFiles, SourceSpec

READERS: dict[str, ModuleType] = {
    source: import_module(f"{__name__}.{source}") for source in SOURCES
}
"""By source, a module with `LAYOUT: Layout` and `read(published, spec) -> SourceFiles`."""


def read(source: str, path: Path, spec: SourceSpec, unpack_to: Path) -> SourceFiles:
    """The images of a source of `SOURCES`, class by class, as in its original distribution.

    path: the folder that the published archive unpacks to, the folder around it, a folder of the
    published archives, or one of them; unpack_to: the folder for compressed tar archives. Images
    that are in the published lists but not on disk are left out. Raises BenchbenchError that states
    the layout if there is nothing to read or if a list is malformed.
    """
    published = Published(path, READERS[source].LAYOUT, unpack_to)
    files: SourceFiles = READERS[source].read(published, spec)
    if not any(len(images) for images in files.images.values()):
        raise published.refusal(f"{path} has none of its images")
    return files
