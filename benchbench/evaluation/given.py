"""What the process of a method is given: all that it may know, in plain values that can be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchbench.backbones.feature_store import StoredFeatures
from benchbench.datasets.open_dataset import OpenDataset, Pixels
from benchbench.datasets.tables.stored import PermutedPixels
from benchbench.episodes import Episode
from benchbench.evaluation.nonce import Nonce
from benchbench.method import Task
from benchbench.samplers import Sampler
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.compute import Compute
from benchbench.system.framing import Framing, at_own_size
from benchbench.training.budget import Budget

LEARNED = ("train", "val")


@dataclass
class HiddenImages:
    """The images of one split, without labels, by the place at which they lie on disk.

    rows: the places, ascending. They are mixed over the classes, as tables lie in a secret order.
    public_ids: the identifiers that methods see, by place. fingerprint: of these images in this
    order.
    """

    pixels: Pixels
    rows: IntArray
    fingerprint: str
    split: str
    public_ids: IntArray

    @property
    def own_size(self) -> bool:
        """Whether they are pictures at their own size."""
        return at_own_size(self.pixels.shape[1:])

    def read(self, rows: IntArray) -> ByteArray:
        """Pixels uint8 [n, h, w, c] of the images at these places; a fresh array."""
        return np.asarray(self.pixels[rows])

    def pictures(self, rows: IntArray, framing: Framing) -> Iterator[ByteArray]:
        """The pictures at these places, each framed as uint8 [*framing.size, c]."""
        found: Iterator[ByteArray] = self.pixels.pictures(rows, framing)
        return found


@dataclass(frozen=True)
class Given:
    """What a method is given before the first episode.

    learned: the training and validation classes alone. test: the images of the tested split, and
    dataset: what that data set is called. task: as training sees it. folder, shared: where its
    checkpoints go, and trainings that several methods share. restores: whether all trainings are
    there already, so that none may begin. features: those of the test images that are on disk.
    """

    learned: OpenDataset
    test: HiddenImages
    dataset: str
    task: Task
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    compute: Compute = field(default_factory=Compute)
    folder: Path | None = None
    shared: Path | None = None
    sampler: Sampler | None = None
    restores: bool = False
    features: tuple[StoredFeatures, ...] = ()


@dataclass(frozen=True)
class Question:
    """One episode as a method meets it.

    support: places of images, and support_labels: their class slots. queries: places of images,
    those of each array to be classified in one call. names: of the classes by slot, for a method
    that declares to read them. seed: of the method's random numbers. validation: places
    of validation images and their class slots, for a method that declares to use them. attributes:
    float32 [n_way, a] of the classes by slot, likewise. unlabelled: places of images in random
    order, likewise.
    """

    support: IntArray
    support_labels: IntArray
    queries: tuple[IntArray, ...]
    n_way: int
    seed: int
    names: tuple[str, ...] | None = None
    validation: tuple[IntArray, IntArray] | None = None
    attributes: NDArray[np.float32] | None = None
    unlabelled: IntArray | None = None


def hidden_images(dataset: OpenDataset, split: str, nonce: Nonce) -> HiddenImages:
    """The images of a split as the process of a method sees them."""
    storage = dataset.storage
    places = storage.places[dataset.view(split).rows]
    # Features are kept by this hash, and another order is another address of the same images.
    order = hashlib.sha256(dataset.fingerprint.encode() + places.tobytes()).hexdigest()
    ids = nonce.ids(len(storage.pixels))
    return HiddenImages(storage.pixels, np.sort(places), order, split, ids)


def learned_part(dataset: OpenDataset, nonce: Nonce) -> OpenDataset:
    """The training and validation classes of a data set; nothing of other classes is left in it."""
    splits = {split: dataset.splits.get(split, np.empty(0, np.int64)) for split in LEARNED}
    classes = np.concatenate(list(splits.values()))
    known = set(classes.tolist())
    kept = np.flatnonzero(np.isin(dataset.labels, classes))
    storage = dataset.storage
    ids = nonce.ids(len(storage.pixels))
    parents, nodes = dataset.hierarchy, dataset.nodes
    return replace(
        dataset,
        pixels=PermutedPixels(storage.pixels, storage.places[kept]),
        labels=dataset.labels[kept],
        class_names=[
            name if number in known else "" for number, name in enumerate(dataset.class_names)
        ],
        splits=splits,
        hierarchy=parents and [p if number in known else () for number, p in enumerate(parents)],
        groups=None if dataset.groups is None else dataset.groups[kept],
        parts=None if dataset.parts is None else dataset.parts[kept],
        fixed_episodes=None,
        unreadable=[],
        remarks=[],
        nodes=nodes and {split: nodes[split] for split in nodes if split.startswith(LEARNED)},
        opaque_ids=ids[storage.places[kept]],
        attributes=dataset.attributes and dataset.attributes.of_only(classes),
    )


def question(
    dataset: OpenDataset,
    episode: Episode,
    order: IntArray,
    seed: int,
    *,
    with_names: bool,
    with_attributes: bool = False,
    with_pool: bool = False,
    validation: tuple[IntArray, IntArray] | None = None,
) -> Question:
    """An episode as a question, with its queries in the given order.

    with_names, with_pool: whether it tells the names of the classes, and the unlabelled images.
    validation: ids of validation images and their class slots, if it tells of any.
    """
    places = dataset.storage.places
    names = tuple(dataset.class_names[c] for c in episode.classes) if with_names else None
    return Question(
        support=places[episode.support],
        support_labels=episode.support_labels,
        queries=(places[episode.asked[order]],),
        n_way=episode.n_way,
        seed=seed,
        names=names,
        validation=validation and (places[validation[0]], validation[1]),
        attributes=dataset.attributes_of(episode.classes) if with_attributes else None,
        unlabelled=places[episode.unlabelled] if with_pool else None,
    )
