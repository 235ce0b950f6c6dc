"""The embedded data set: handwriting of made-up alphabets, generated in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchbench.datasets import glyphs_generator as generator
from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.decoded import DecodedClass
from benchbench.registry.bounds import Seed
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.progress import track


@dataclass
class Glyphs(Dataset):
    """Generated handwriting: 48 made-up alphabets, 20 drawers, 888 / 122 / 427 characters, 28 px.

    A motor program in the spirit of Omniglot's (Lake et al., Science 350, 2015) writes them; the
    pixels are the same bits on every machine. Ink is 255.

    seed: another seed gives other alphabets; 0 is the benchmark.
    """

    name: ClassVar[str] = "glyphs"
    licence: ClassVar[str] = "MIT"
    seed: Seed = 0

    def pixel_parameters(self) -> dict[str, Any]:
        return {"seed": self.seed, "version": generator.VERSION}

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        alphabets = generator.alphabet_splits()
        for index, alphabet in enumerate(track(alphabets, "writing glyphs", len(alphabets))):
            drawers = [f"{alphabet}/{drawer:02}" for drawer in range(generator.DRAWERS)]
            for number, images in enumerate(generator.draw_alphabet(self.seed, index)):
                name = f"{alphabet}/character{number:02}"
                yield DecodedClass(name, images[..., None], (alphabet,), drawers)

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        split_of = generator.alphabet_splits()
        members = np.array([split_of[name.split("/")[0]] for name in class_names])
        return {split: np.flatnonzero(members == split) for split in SPLITS}

    def names_are_words(self, class_names: list[str]) -> bool:
        return False


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Glyphs)
