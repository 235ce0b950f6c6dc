"""The official training images of the tested classes, for trainings that take no labels."""

from __future__ import annotations

import hashlib

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.tables.stored import PermutedPixels
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.given import learned_part
from benchbench.evaluation.nonce import Nonce
from benchbench.method import Task
from benchbench.system.arrays import BoolArray, IntArray

PART = "train"


def has_unlabelled_part(dataset: OpenDataset, episodes: EpisodeSet) -> bool:
    """Whether there are no training classes but official training images, none of them a query."""
    return has_training_part(dataset) and not bool(_official(dataset)[episodes.query].any())


def given_to_learn(
    dataset: OpenDataset, nonce: Nonce, task: Task, training_labels: str
) -> OpenDataset:
    """What the process of a method learns from: `learned_part`, or the `unlabelled_part`.

    training_labels: as `Method.training_labels`.
    """
    unlabelled = task.has_unlabelled_part and training_labels == "none"
    return unlabelled_part(dataset, nonce) if unlabelled else learned_part(dataset, nonce)


def unlabelled_part(dataset: OpenDataset, nonce: Nonce) -> OpenDataset:
    """The official training images as one class without a name, in an order that tells nothing.

    The order depends on the images alone, so that a training can be repeated anywhere. The data set
    has a fingerprint of its own, as that of the whole would lead back to the order by classes.
    """
    places: IntArray = np.flatnonzero(_official(dataset))
    places = places[np.argsort(dataset.public_ids[places])]
    storage = dataset.storage
    ids = nonce.ids(len(storage.pixels))
    own = hashlib.sha256(f"{dataset.fingerprint} without labels".encode()).hexdigest()
    return OpenDataset(
        name=dataset.name,
        fingerprint=own,
        pixels=PermutedPixels(storage.pixels, storage.places[places]),
        labels=np.zeros(len(places), np.int64),
        class_names=[""],
        splits={"train": np.zeros(1, np.int64), "val": np.empty(0, np.int64)},
        names_are_words=False,
        opaque_ids=ids[storage.places[places]],
        features=dataset.features,
    )


def has_training_part(dataset: OpenDataset) -> bool:
    """Whether there are no training classes but official training images of others."""
    classes = len(dataset.splits.get("train", ())) + len(dataset.splits.get("val", ()))
    return not classes and bool(_official(dataset).any())


def _official(dataset: OpenDataset) -> BoolArray:
    """Which images are official training images: none where nothing is known of parts."""
    if dataset.parts is None:
        return np.zeros(len(dataset.labels), np.bool_)
    found: BoolArray = dataset.parts == PART
    return found
