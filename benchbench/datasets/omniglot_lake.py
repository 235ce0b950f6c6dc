"""Lake's one-shot classification test on Omniglot: 20 runs within an alphabet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.omniglot import Omniglot, archive
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree, TreeFile
from benchbench.episodes import Episode, EpisodeSet
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.places import Places

RUNS, WAY = 20, 20


@dataclass
class OmniglotLake(Omniglot):
    """Lake's 20 runs of 20-way 1-shot classification within one alphabet, as 20 fixed episodes.

    Each run has 20 characters of one evaluation alphabet, a support image of each by one drawer and
    a query of each by another (Lake et al., Science 350, 2015; people err on 4.5 %). Training and
    validation classes are those of `omniglot`, whose parameters it shares.
    """

    name: ClassVar[str] = "omniglot_lake"

    def sources(self, places: Places) -> list[Path]:
        return [archive(places, part, self.origin) for part in ("images_background", "all_runs")]

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        background, runs = sources
        yield from self.decode_part(background, "images_background")
        tree = FileTree(runs)
        for run in range(1, RUNS + 1):
            for support, query in _pairs(tree, f"run{run:02}"):
                files = TreeFile(tree, support), TreeFile(tree, query)
                images = np.stack([self.decode_image(file) for file in files])
                name = f"run{run:02}/{Path(support).stem}"
                yield DecodedClass(name, images, (f"run{run:02}",), ("support", "query"))

    def split_of(self, character: str) -> str:
        return "test" if character.startswith("run") else super().split_of(character)

    def fixed_episodes(self, dataset: OpenDataset) -> EpisodeSet:
        first_image = np.searchsorted(dataset.labels, np.arange(len(dataset.class_names)))
        episodes = []
        for run in dataset.splits["test"].reshape(RUNS, WAY):
            slots = np.arange(WAY)
            shuffle = np.random.Philox(key=int(run[0])).random_raw(2 * WAY).reshape(2, WAY)
            classes = run[np.argsort(shuffle[0])]
            order = np.argsort(shuffle[1])
            support = first_image[classes]
            episodes.append(Episode(classes, support, slots, support[order] + 1, slots[order]))
        return EpisodeSet.from_episodes(
            episodes,
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            split="test",
            protocol="lake-20way-1shot-1query",
        )


def _pairs(tree: FileTree, run: str) -> list[tuple[str, str]]:
    """Support and query file of each class of a run, from its `class_labels.txt`."""
    try:
        lines = tree.read(f"{run}/class_labels.txt").decode().splitlines()
        pairs = sorted((support, query) for query, support in map(str.split, filter(None, lines)))
    except (FileNotFoundError, ValueError):
        pairs = []
    if len(pairs) != WAY:
        raise copy_again(f"{tree.path} has no {run}/class_labels.txt of {WAY} pairs")
    return pairs


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(OmniglotLake)
