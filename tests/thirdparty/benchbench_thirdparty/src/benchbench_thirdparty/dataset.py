"""A data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchbench import Dataset, DecodedClass, hookimpl

IMAGES = 20


@dataclass
class ThirdPartyStripes(Dataset):
    """Generated rows of grey values: a class has its row, an image its noise.

    size: pixels of the square images.
    """

    name: ClassVar[str] = "thirdparty_stripes"
    size: int = 8

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        for number in range(30):
            rng = np.random.default_rng(number)
            row = rng.integers(0, 200, (1, 1, self.size, 1))
            noise = rng.integers(0, 56, (IMAGES, self.size, self.size, 1))
            yield DecodedClass(f"stripes {number:02}", (row + noise).astype(np.uint8))

    def split_classes(
        self, class_names: list[str], sources: list[Path]
    ) -> dict[str, NDArray[np.int64]]:
        train, val, test = np.split(np.arange(len(class_names)), [15, 20])
        return {"train": train, "val": val, "test": test}


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(ThirdPartyStripes)
