"""Quick, Draw! (Jongejan et al., 2016): the bitmaps of all drawings, white ink on black.

Meta-Dataset takes every row of the 345 files, 50 426 266 in all, as they are. The files are
memory-mapped.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.system.arrays import ByteArray

LAYOUT = Layout(
    "Quick, Draw!",
    ("quickdraw", "numpy_bitmap", "full/numpy_bitmap", "quickdraw_dataset/full/numpy_bitmap"),
    (),
    "a folder with a CLASS.npy of full/numpy_bitmap for each class, uint8 of shape [drawings, 784]",
)

SIDE = 28
FILES_KEPT = 8  # that are mapped at the same time


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The drawings of each class; a reference is a number that counts on through the classes."""
    files = _files(published, spec.class_names)
    paths = list(files.values())
    starts = [0, *accumulate(len(_mapped(published, file)) for file in paths)]
    numbers = [range(*ends) for ends in pairwise(starts)]
    images = {name: range(0) for name in spec.class_names} | dict(zip(files, numbers, strict=True))
    mapped = lru_cache(maxsize=FILES_KEPT)(lambda file: _mapped(published, file))

    def load(number: int) -> Image.Image:
        at = bisect_right(starts, number) - 1
        row = mapped(paths[at])[number - starts[at]]
        return Image.fromarray(np.array(row).reshape(SIDE, SIDE))

    return SourceFiles(images, load)


def _files(published: Published, class_names: list[str]) -> dict[str, Path]:
    """The file of each class that has one; a browser saves it with its folders before its name."""
    for folder in published.folders:
        files = {
            name: file
            for name in class_names
            for file in (folder / f"full_numpy_bitmap_{name}.npy", folder / f"{name}.npy")
            if file.is_file()
        }
        if files:
            return files
    raise published.refusal(f"{published.path} has no {class_names[0]}.npy")


def _mapped(published: Published, file: Path) -> ByteArray:
    """The drawings uint8 [n, 784] of a file. Raises BenchbenchError if it holds anything else.

    Objects are refused: reading them would run code.
    """
    try:
        drawings = np.lib.format.open_memmap(file, mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise published.refusal(f"{file} is damaged or no array of pixels ({error})") from error
    if drawings.dtype != np.uint8 or drawings.shape[1:] != (SIDE * SIDE,):
        raise published.refusal(
            f"{file} is {drawings.dtype} of shape {list(drawings.shape)}, not drawings"
        )
    return drawings
