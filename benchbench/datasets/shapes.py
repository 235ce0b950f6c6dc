"""The embedded data set whose classes have names in words: coloured, patterned figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from benchbench.datasets import shapes_generator as generator
from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.base import Dataset
from benchbench.datasets.decoded import DecodedClass
from benchbench.registry.bounds import Bounds, Seed
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.progress import track


@dataclass
class Shapes(Dataset):
    """Generated pictures of figures, "large striped red triangle": 400 / 80 / 160 classes, 32 px.

    A class is one of the 864 combinations of 3 sizes, 6 patterns, 8 colours and 6 shapes, and has
    20 images. Test classes are unseen combinations of attributes that training classes have. The
    pixels are the same bits on every machine. The 23 attributes of a class are one for each of the
    four words of its name, and zero for the others.

    seed: another seed gives other images and another split; 0 is the benchmark.
    permute_names: exchange the names, and attributes with them, at random among the training
        classes, and among the validation classes, on which the best weights are chosen. This is a
        control: a method that learns from them must then fall to chance on the test classes, which
        keep theirs. One permutation may reveal some attributes by chance; over several that
        averages out.
    permutation: which of them that is; each leaves the images as they are.
    """

    name: ClassVar[str] = "shapes"
    licence: ClassVar[str] = "MIT"
    seed: Seed = 0
    permute_names: bool = False
    permutation: Annotated[int, Bounds(ge=0, le=10**6)] = 0

    def __post_init__(self) -> None:
        if self.permutation and not self.permute_names:
            raise ValueError("a permutation needs permute_names=true")

    def pixel_parameters(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "names": "permuted" if self.permute_names else "own",
            "version": generator.VERSION,
            **({"permutation": number} if (number := self.permutation) else {}),
        }

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        drawn, named = [], []
        for split, members in generator.deal(self.seed).items():
            permuted = self.permute_names and split != "test"
            drawn += members
            named += self._shuffled(members) if permuted else members
        for index, name in zip(track(drawn, "drawing shapes", len(drawn)), named, strict=True):
            yield DecodedClass(generator.class_name(name), generator.draw(self.seed, index))

    def _shuffled(self, members: list[int]) -> list[int]:
        return generator.shuffled(self.seed, members, self.permutation)

    def attributes(self, class_names: list[str], sources: list[Path]) -> ClassAttributes:
        words = [word for kind in generator.ATTRIBUTES for word in kind]
        found = [[word in name.split() for word in words] for name in class_names]
        return ClassAttributes(tuple(words), np.array(found, np.float32))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        bounds = np.cumsum(list(generator.SPLITS.values()))[:-1]
        parts = np.split(np.arange(len(class_names)), bounds)
        return dict(zip(generator.SPLITS, parts, strict=True))


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Shapes)
