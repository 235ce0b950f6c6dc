"""The embedded data set whose classes have names in words: coloured, patterned figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchbench.datasets import shapes_generator as generator
from benchbench.datasets.base import Dataset, DecodedClass
from benchbench.registry.bounds import Seed
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.progress import track


@dataclass
class Shapes(Dataset):
    """Generated pictures of figures, "large striped red triangle": 400 / 80 / 160 classes, 32 px.

    A class is one of the 864 combinations of 3 sizes, 6 patterns, 8 colours and 6 shapes, and has
    20 images. Test classes are unseen combinations of attributes that training classes have. The
    pixels are the same bits on every machine.

    seed: another seed gives other images and another split; 0 is the benchmark.
    permute_names: exchange the names at random among the training classes, and among the validation
        classes, on which the best weights are chosen. This is a control: a method that learns from
        names must then fall to chance on the test classes, which keep theirs. One permutation may
        reveal some attributes by chance; over several seeds that averages out.
    """

    name: ClassVar[str] = "shapes"
    licence: ClassVar[str] = "MIT"
    seed: Seed = 0
    permute_names: bool = False

    def pixel_parameters(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "names": "permuted" if self.permute_names else "own",
            "version": generator.VERSION,
        }

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        drawn, named = [], []
        for split, members in generator.deal(self.seed).items():
            permuted = self.permute_names and split != "test"
            drawn += members
            named += generator.shuffled(self.seed, members) if permuted else members
        for index, name in zip(track(drawn, "drawing shapes", len(drawn)), named, strict=True):
            yield DecodedClass(generator.class_name(name), generator.draw(self.seed, index))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        bounds = np.cumsum(list(generator.SPLITS.values()))[:-1]
        parts = np.split(np.arange(len(class_names)), bounds)
        return dict(zip(generator.SPLITS, parts, strict=True))


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Shapes)
