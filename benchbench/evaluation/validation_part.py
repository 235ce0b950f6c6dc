"""The official validation images that a method may choose its hyper-parameters on."""

from __future__ import annotations

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import EpisodeSet
from benchbench.system.arrays import BoolArray, IntArray
from benchbench.system.randomness import AddressedStream

PART, LEARNED = "val", "train"
"""Of which part they are, and of which the support is."""
MOST = 4
"""Of each class, as in CoOp's runs of CLIP's linear probe (arXiv:2109.01134)."""


def has_validation_part(dataset: OpenDataset, episodes: EpisodeSet) -> bool:
    """Whether all classes have validation images, none of which is in an episode."""
    if dataset.parts is None:
        return False
    held_out: BoolArray = dataset.parts == PART
    if held_out[episodes.images].any():
        return False
    return bool(np.isin(episodes.classes, dataset.labels[held_out]).all())


class ValidationPart:
    """The validation images of a data set, and which of them belong to an episode.

    Of each class they are as many as its support has, but at most `MOST`, or all of them where the
    support has all of the class's training images. The draws of one shot are part of those of two.
    """

    def __init__(self, dataset: OpenDataset, episodes: EpisodeSet) -> None:
        assert dataset.parts is not None, "a task without parts is skipped"
        self._dataset, self._episodes = dataset, episodes
        self._images = np.flatnonzero(dataset.parts == PART)
        training = dataset.labels[dataset.parts == LEARNED]
        self._training = np.bincount(training, minlength=len(dataset.class_names))
        self._stream = AddressedStream(validation=episodes.fingerprint, seed=episodes.seed)

    def drawn(self, number: int) -> tuple[IntArray, IntArray]:
        """The ids of an episode's validation images and their class slots, int64 [n]."""
        episode = self._episodes[number]
        shots = np.bincount(episode.support_labels, minlength=episode.n_way)
        numbers = self._stream.uniform(number, number + 1, len(self._images))[0]
        order = self._images[np.argsort(numbers, kind="stable")]
        homes = self._dataset.labels[order]
        drawn = []
        for class_id, shot in zip(episode.classes.tolist(), shots.tolist(), strict=True):
            own = order[homes == class_id]
            drawn.append(own if shot == self._training[class_id] else own[: min(shot, MOST)])
        return np.concatenate(drawn), np.repeat(np.arange(episode.n_way), [*map(len, drawn)])
