"""Training data by step: labelled episodes and batches of training classes, source by source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from benchbench.augmentations import Augment
from benchbench.datasets.open_dataset import OpenDataset, SplitView
from benchbench.episodes import Episode, EpisodeSet
from benchbench.images import Images
from benchbench.method import Method, Support
from benchbench.samplers import ClassPool, Sampler
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream, permutation
from benchbench.training.augmented import augmented
from benchbench.training.labelled import Batch, EpisodeGroup, LabelledEpisode

T = TypeVar("T")

NO_LABEL = -1
BLOCK = 256
"""Training episodes drawn at once."""


def support_of(
    dataset: OpenDataset, view: SplitView, episode: Episode, method: Method, seed: int
) -> Support:
    """The labelled images of an episode, as a method is given them."""
    names = tuple(dataset.class_names[c] for c in episode.classes)
    images, pool = Images(view, episode.support), Images(view, episode.unlabelled)
    known = dataset.attributes_of(episode.classes)
    told = names, dataset.name, seed, known, pool
    return support_for(method, images, episode.support_labels, *told)


def support_for(
    method: Method,
    images: Images,
    labels: IntArray,
    names: tuple[str, ...],
    dataset: str,
    seed: int,
    attributes: NDArray[np.float32] | None = None,
    pool: Images | None = None,
) -> Support:
    """What a method is given: a copy of the labels, and the rest only if it declares to use that.

    names, attributes: of the classes, by slot. pool: the unlabelled images; by default there are
    none.
    """
    own_labels = torch.from_numpy(labels.copy())
    shown = names if method.uses_class_names else None
    support = Support(images, own_labels, len(names), dataset, seed, shown)
    if method.uses_attributes and attributes is not None:
        support.described = torch.from_numpy(attributes.copy())
    if method.uses_unlabelled:
        source, rows = images.block()
        support.pool = Images(source, rows[:0]) if pool is None else pool
    return support


def whole_split(dataset: OpenDataset, split: str, method: Method, seed: int) -> Support:
    """All images of a split's classes, as one support that a method is given."""
    pool = ClassPool(dataset, split)
    names = tuple(map(pool.class_name, range(len(pool))))
    labels = np.repeat(np.arange(len(pool)), pool.sizes)
    known = dataset.attributes_of(pool.classes)
    images = Images(dataset.view(split), pool.rows)
    return support_for(method, images, labels, names, dataset.name, seed, known)


Origins: TypeAlias = Sequence[tuple[ClassPool, Sampler]]
"""The classes of each source, and how episodes are drawn from them."""


class EpisodeStream:
    """Training episodes by step; `way`, `shot` and `query` are the most that are drawn.

    They are None if they vary with the sampler. by_shot: origins for each of the shots, of which
    each step has one, drawn uniformly. augment: applied to the pixels of each episode.
    """

    def __init__(
        self,
        dataset: OpenDataset,
        method: Method,
        seed: int,
        by_shot: Sequence[Origins],
        augment: Augment | None = None,
    ) -> None:
        self._dataset, self._method, self._seed = dataset, method, seed
        self._view, self._by_shot, self._augment = dataset.view("train"), by_shot, augment
        self._blocks: dict[tuple[int, int], tuple[int, EpisodeSet]] = {}
        self._turns = AddressedStream(turns=dataset.fingerprint, seed=seed)
        self._shots = self._turns.branch("shots")
        shapes = [sampler.shape for origins in by_shot for _, sampler in origins]
        self.way, self.shot, self.query = map(_most, zip(*shapes, strict=True))

    def __getitem__(self, step: int) -> LabelledEpisode:
        return self.episode(step, step)

    def episode(self, number: int, step: int) -> LabelledEpisode:
        """An episode by its number, with the shot of a step."""
        episode = self._drawn(self._shot(step), self._origin(number), number)
        support = support_of(self._dataset, self._view, episode, self._method, number)
        both = np.concatenate([episode.support, episode.query])
        images, query = Images(self._view, both), Images(self._view, episode.query)
        if self._augment is not None:
            everything = Images(self._view, np.concatenate([both, episode.unlabelled]))
            source, places = augmented(everything, self._augment, self._seed, number).block()
            images = Images(source, places[: len(both)])
            support.images = Images(source, places[: len(episode.support)])
            query = Images(source, places[len(episode.support) : len(both)])
            if support.pool is not None:
                support.pool = Images(source, places[len(both) :])
        labels = torch.from_numpy(episode.query_labels.copy())
        return LabelledEpisode(support, query, labels, images)

    def _shot(self, step: int) -> int:
        """The index of the step's shot; each is equally likely."""
        return _turn(self._shots, step, len(self._by_shot))

    def _origin(self, number: int) -> int:
        """The index of the source of an episode; each source is equally likely."""
        return _turn(self._turns, number, len(self._by_shot[0]))

    def _drawn(self, shot: int, origin: int, episode: int) -> Episode:
        number = episode // BLOCK
        block = self._blocks.get((shot, origin))
        if block is None or block[0] != number:
            pool, sampler = self._by_shot[shot][origin]
            block = number, sampler.sample(pool, BLOCK, self._seed, start=number * BLOCK)
            self._blocks[shot, origin] = block
        return block[1][episode % BLOCK]

    def grouped(self, size: int) -> EpisodeGroups:
        """The same episodes, `size` of them a step (a meta-batch), all of them of one shot."""
        return EpisodeGroups(self, size)

    def __iter__(self) -> Iterator[LabelledEpisode]:
        return _endless(self.__getitem__)


def _turn(stream: AddressedStream, step: int, choices: int) -> int:
    """A choice by step, each equally likely."""
    return int(stream.uniform(step, step + 1, 1).item() * choices) if choices > 1 else 0


def _most(numbers: Sequence[int | None]) -> int | None:
    return None if None in numbers else max(number for number in numbers if number is not None)


class EpisodeGroups:
    """Consecutive training episodes by step, `size` of them at a time."""

    def __init__(self, episodes: EpisodeStream, size: int) -> None:
        self._episodes, self.size = episodes, size

    def __getitem__(self, step: int) -> EpisodeGroup:
        first = step * self.size
        numbers = range(first, first + self.size)
        return EpisodeGroup(self._episodes.episode(number, step) for number in numbers)

    def __iter__(self) -> Iterator[EpisodeGroup]:
        return _endless(self.__getitem__)


class _Epochs:
    """Places of images by step: each epoch is a fresh permutation, without its incomplete end."""

    def __init__(self, count: int, size: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._size = size = min(size, count)
        self._epoch: tuple[int, IntArray] | None = None
        self.per_epoch = count // size

    def __getitem__(self, step: int) -> IntArray:
        epoch, place = divmod(step, self.per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, permutation(self._count, self._seed, counter=epoch << 64)
        return self._epoch[1][place * self._size : (place + 1) * self._size]


class BatchStream:
    """Batches by step: each epoch is a fresh permutation, without its incomplete last batch."""

    def __init__(
        self,
        view: SplitView,
        pool: ClassPool,
        size: int,
        seed: int,
        augment: Augment | None = None,
    ) -> None:
        self._view, self._pool, self._seed, self._augment = view, pool, seed, augment
        self._labels = np.repeat(np.arange(len(pool)), pool.sizes)
        self._places = _Epochs(len(pool.rows), size, seed)
        self.per_epoch = self._places.per_epoch

    def __getitem__(self, step: int) -> Batch:
        chosen = self._places[step]
        images = Images(self._view, self._pool.rows[chosen])
        if self._augment is not None:
            images = augmented(images, self._augment, self._seed, step)
        return Batch(images, torch.from_numpy(self._labels[chosen]))

    def __iter__(self) -> Iterator[Batch]:
        return _endless(self.__getitem__)


class ViewStream:
    """Batches of views by step, without labels; epochs are as those of `BatchStream`.

    Their order does not depend on which image is of which class. Each view has augmentations of its
    own.
    """

    def __init__(self, view: SplitView, size: int, seed: int, augments: Sequence[Augment]) -> None:
        self._view, self._seed, self._augments = view, seed, augments
        self._places = _Epochs(len(view.rows), size, seed)
        self.per_epoch = self._places.per_epoch

    def places(self, step: int) -> IntArray:
        """Which images of the split a step has, as places in `view.rows`."""
        return self._places[step]

    def __getitem__(self, step: int) -> list[Images]:
        images = Images(self._view, self._view.rows[self._places[step]])
        return [
            augmented(images, augment, self._seed, step * len(self._augments) + number)
            for number, augment in enumerate(self._augments)
        ]

    def __iter__(self) -> Iterator[list[Images]]:
        return _endless(self.__getitem__)


class LabelledViewStream:
    """Batches of views by step with labels int64 [n], which are `NO_LABEL` for other images.

    labels: of all images of the split, in the order of `view.rows`.
    """

    def __init__(self, views: ViewStream, labels: IntArray) -> None:
        self._views, self._labels = views, labels
        self.per_epoch = views.per_epoch

    def __getitem__(self, step: int) -> tuple[list[Images], torch.Tensor]:
        return self._views[step], torch.from_numpy(self._labels[self._views.places(step)])


def labels_of_some(pool: ClassPool, rows: IntArray, share: float, seed: int) -> IntArray:
    """The labels of a share of each class's images, at least one; `NO_LABEL` for the others.

    rows: of the images, ascending. Which they are depends on the data and the seed alone.
    """
    stream = AddressedStream(labelled=pool.dataset.drawn_as, seed=seed)
    labels = np.full(len(rows), NO_LABEL)
    for number in range(len(pool)):
        own = pool.images(number)
        order = np.argsort(stream.uniform(number, number + 1, len(own))[0], kind="stable")
        chosen = own[order[: max(1, round(share * len(own)))]]
        labels[np.searchsorted(rows, chosen)] = number
    return labels


def _endless(item: Callable[[int], T]) -> Iterator[T]:
    step = 0
    while True:
        yield item(step)
        step += 1
