"""Speed of decoding and opening data sets, measured by pytest-benchmark and never asserted.

BENCHBENCH_SPEED_IMAGES sets how many images there are: 60000 for a miniImageNet.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from benchbench.datasets.base import Dataset
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.folder import Folder
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.datasets.tables.file_states import state_of
from benchbench.datasets.tables.stored import PermutedPixels
from benchbench.system.places import Places

Benchmark = Callable[..., Any]

IMAGES = int(os.environ.get("BENCHBENCH_SPEED_IMAGES", 2000))
CLASSES = 100
FORMATS = pytest.mark.parametrize("ending", ["jpg", "png", "webp"])


@dataclass
class Noise(Dataset):
    """Classes of random images of 84 x 84 pixels in colour."""

    name: ClassVar[str] = "noise"

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        for number in range(CLASSES):
            yield PendingClass(f"{number:03}", partial(self.load, number))

    def load(self, number: int) -> DecodedClass:
        rng = np.random.default_rng(number)
        images = rng.integers(0, 256, (IMAGES // CLASSES, 84, 84, 3), np.uint8)
        return DecodedClass(f"{number:03}", images)

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, np.ndarray]:
        parts = np.split(np.arange(CLASSES), [64, 80])
        return dict(zip(("train", "val", "test"), parts, strict=True))


def files(root: Path, number: int, ending: str, side: int) -> Path:
    """A folder of this many image files in classes of twenty, all alike."""
    smooth = Image.effect_noise((side // 8, side // 8), 99).resize((side, side)).convert("RGB")
    smooth.save(root.parent / f"one.{ending}")
    content = (root.parent / f"one.{ending}").read_bytes()
    for index in range(number):
        path = root / f"{index // 20:05}" / f"{index:06}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def test_open(benchmark: Benchmark, tmp_path: Path) -> None:
    """A table that is there already: a memory map."""
    places = Places(tmp_path, tmp_path)
    open_dataset(Noise(), places)
    opened: OpenDataset = benchmark(Noise().open, places)
    assert isinstance(opened.pixels, PermutedPixels)


def test_write_a_table(benchmark: Benchmark, tmp_path: Path) -> None:
    """Writing and hashing, beside the making of the next class."""
    runs = count()

    def write() -> OpenDataset:
        cache = tmp_path / str(next(runs))
        opened = open_dataset(Noise(), Places(cache, cache))
        shutil.rmtree(cache)
        return opened

    assert len(benchmark.pedantic(write, rounds=3).labels) == IMAGES


@FORMATS
def test_decode_a_folder(benchmark: Benchmark, tmp_path: Path, ending: str) -> None:
    """Files of 500 x 500 pixels, to 84 x 84."""
    root = files(tmp_path / "images", IMAGES // 10, ending, 500)
    runs = count()

    def decode() -> OpenDataset:
        return open_dataset(Folder(str(root)), Places(tmp_path, tmp_path / f"cache{next(runs)}"))

    assert len(benchmark.pedantic(decode, rounds=3).labels) == IMAGES // 10


def test_open_a_folder_of_files(benchmark: Benchmark, tmp_path: Path) -> None:
    """The walk over the files included."""
    root = files(tmp_path / "images", IMAGES, "png", 8)
    places = Places(tmp_path, tmp_path / "cache")
    open_dataset(Folder(str(root)), places)
    assert len(benchmark(Folder(str(root)).open, places).labels) == IMAGES


def test_look_at_a_folder_of_files(benchmark: Benchmark, tmp_path: Path) -> None:
    root = files(tmp_path / "images", IMAGES, "png", 8)
    assert benchmark(state_of, root)[0] == str(root)
