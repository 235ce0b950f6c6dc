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
from benchbench.system.arrays import IntArray

PART = "train"


def has_unlabelled_part(dataset: OpenDataset, episodes: EpisodeSet) -> bool:
    """Whether there are no training classes but official training images, none of them a query."""
    return has_training_part(dataset) and not bool((_parts(dataset)[episodes.query] == PART).any())


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
    places: IntArray = np.flatnonzero(_parts(dataset) == PART)
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
    return not classes and bool((_parts(dataset) == PART).any())


def _parts(dataset: OpenDataset) -> np.ndarray:
    """The part of each image; of none if nothing is known of them."""
    return np.array([""]).repeat(len(dataset.labels)) if dataset.parts is None else dataset.parts
