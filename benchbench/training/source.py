"""What a method may learn from: training episodes, training batches, a validation score.

Nothing here reaches the test split. Episodes and batches are addressed by step, so that training
that was interrupted resumes with the data that it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from benchbench.augmentations import Augment, create_augmentation
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import Episode
from benchbench.errors import BenchbenchError, MethodError
from benchbench.images import Images
from benchbench.method import NAMES_WITHHELD, Classifier, Method, Support, Task
from benchbench.metrics import checked_scores
from benchbench.samplers import ClassPool, Sampler
from benchbench.system.compute import Compute, seed_everything
from benchbench.system.progress import say_once
from benchbench.training.budget import Budget, FitRecord
from benchbench.training.pools import largest_sampler, pools_with_sampler, source_pools
from benchbench.training.streams import (
    NO_LABEL,
    BatchStream,
    EpisodeStream,
    LabelledViewStream,
    Origins,
    ViewStream,
    labels_of_some,
    support_of,
    whole_split,
)

VALIDATION_EPISODES = 100
SMOKE_EPISODES = 10
"""Of validation in the smoke budget, which is to take seconds."""
VALIDATION_QUERIES = 15
SEEDS_APART = 1_000_003
"""Between two seeds of training, in the random numbers of a step."""

NO_CLASSES = np.empty(0, np.int64)


@dataclass
class TrainingSource:
    """The training and validation classes of a data set, for one method.

    The test split is left behind. If the training data come from several sources, an episode is of
    one of them, drawn uniformly, and a batch of all.

    task: what the method will be tested on. budget: how long to train. compute: threads, device and
    precision. rng: a NumPy generator, seeded again in each step of `fit`. folder: where this
    method's checkpoints go, or None. shared: where trainings that several methods share are kept,
    or None. sampler: of the task's episodes, or None. restores: whether the weights are stored
    already, so that no training may begin.
    """

    dataset: InitVar[OpenDataset]
    method: Method
    task: Task
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    compute: Compute = field(default_factory=Compute)
    folder: Path | None = None
    shared: Path | None = None
    records: list[FitRecord] = field(default_factory=list)
    sampler: Sampler | None = None
    restores: bool = False

    def __post_init__(self, dataset: OpenDataset) -> None:
        splits = {split: dataset.splits.get(split, NO_CLASSES) for split in ("train", "val")}
        self._dataset = replace(dataset, splits=splits, fixed_episodes=None)
        self.rng = np.random.default_rng(self.seed)
        self._pool = ClassPool(self._dataset, "train")
        self._validated_on: dict[tuple[int | None, ...], list[Episode]] = {}

    def for_member(self, member: Method, place: str) -> TrainingSource:
        """The same for a method that this one is made of, with checkpoints in a folder `place`."""
        of_member = copy(self)
        of_member.method = member
        if self.folder is not None:
            of_member.folder = self.folder / place
            of_member.folder.mkdir(exist_ok=True)
        return of_member

    def seed_step(self, step: int) -> None:
        """Seed `rng` and the global generators for one step of training, whatever came before."""
        seed = self.seed * SEEDS_APART + step
        self.rng = np.random.default_rng(seed)
        seed_everything(seed)

    @property
    def n_classes(self) -> int:
        """The number of training classes."""
        return len(self._pool)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The training classes' names, by label of a batch.

        Raises MethodError if the method does not declare that it uses class names.
        """
        if not self.method.uses_class_names:
            raise MethodError(NAMES_WITHHELD)
        return tuple(self._pool.class_name(label) for label in range(self.n_classes))

    @property
    def attributes(self) -> torch.Tensor:
        """The training classes' attributes, float32 [n_classes, a], by label of a batch.

        Raises MethodError if the method does not declare that it uses attributes, or there is none.
        """
        return self.whole("train").attributes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self._dataset.image_shape

    @cached_property
    def _pools(self) -> list[ClassPool]:
        """The training classes by source."""
        return source_pools(self._dataset, "train")

    @property
    def most_shots(self) -> int:
        """The most shots for which a source has two training classes, each with a query left."""
        sizes = [np.sort(pool.sizes) for pool in self._pools]
        return max([1, *(int(each[-2]) - 1 for each in sizes if len(each) > 1)])

    def episodes(
        self,
        way: int,
        shot: int | tuple[int, int],
        query: int,
        *,
        unlabelled: int = 0,
        distractors: int = 0,
        augment: Augment | str | None = None,
    ) -> EpisodeStream:
        """An endless stream of labelled episodes of training classes, by step.

        `way` and `query` are upper bounds: fewer are taken if a source's training classes, or
        the smallest of them, do not offer as many. Classes of fewer than shot + 1 images are left
        out. shot: the fewest and the most of a range means that each step draws its own from it,
        uniformly. unlabelled, distractors: as the sampler `fixed` has them, upper bounds as well.
        augment: what changes the pixels of each episode, support, queries and unlabelled images, or
        a spec of augmentations. Raises BenchbenchError if no source has two classes left.
        """
        fewest, most = shot if isinstance(shot, tuple) else (shot, shot)
        pools = [pool.at_least(most + 1) for pool in self._pools]
        if max(map(len, pools)) < 2:
            raise BenchbenchError(
                f"{self._dataset.name} has {max(map(len, pools))} training classes of {most + 1} "
                f"or more images; {self.method.name} needs two."
            )
        pools = [pool for pool in pools if len(pool) > 1]
        of_most = {
            pool: largest_sampler(pool, way, most, query, unlabelled, distractors) for pool in pools
        }
        by_shot: list[Origins] = [
            [(pool, replace(of_most[pool], shot=shot)) for pool in pools]
            for shot in range(fewest, most + 1)
        ]
        return self._stream(by_shot, augment)

    def task_episodes(self, *, augment: Augment | str | None = None) -> EpisodeStream:
        """An endless stream of labelled episodes drawn like the task's, of training classes.

        What varies over the task's episodes varies here as well. A source of too few classes or
        images for them is left out. Raises BenchbenchError if none is left, or if it is not
        known how the task's episodes are drawn. augment: as in `episodes`.
        """
        if self.sampler is None:
            raise BenchbenchError(
                f"How to draw training episodes like {self.task.protocol} is not known; "
                "name the --sampler in place of a file of episodes."
            )
        return self._stream([pools_with_sampler(self._pools, self.sampler)], augment)

    def _stream(self, by_shot: list[Origins], augment: Augment | str | None) -> EpisodeStream:
        return EpisodeStream(
            self._dataset, self.method, self.seed, by_shot, _augmentation_of(augment)
        )

    def batches(self, size: int, *, augment: Augment | str | None = None) -> BatchStream:
        """An endless stream of shuffled batches of all training images, by step.

        augment: what changes the pixels of each batch, or a spec of augmentations.
        """
        self._must_have_images()
        view, augment = self._dataset.view("train"), _augmentation_of(augment)
        return BatchStream(view, self._pool, size, self.seed, augment)

    def views(self, size: int, augments: Sequence[Augment | str]) -> ViewStream:
        """An endless stream of shuffled batches of all training images, without labels, by step.

        Each is a list of views, one for each of `augments`: all hold the same images in the same
        order, changed as its augmentation or spec of augmentations says. Raises BenchbenchError if
        there is no training image.
        """
        self._must_have_images()
        view = self._dataset.view("train")
        made = [create_augmentation(one) if isinstance(one, str) else one for one in augments]
        return ViewStream(view, size, self.seed, made)

    def labelled_views(
        self, size: int, augments: Sequence[Augment | str], share: float = 1.0
    ) -> LabelledViewStream:
        """As `views`, each step with labels int64 [n] of a share of the images of each class.

        The labels of the other images are `NO_LABEL`, -1; which they are depends on the data and
        the seed, and each class has at least one.
        """
        views = self.views(size, augments)
        rows = self._dataset.view("train").rows
        labels = labels_of_some(self._pool, rows, share, self.seed)
        say_once(f"{int((labels != NO_LABEL).sum())} of {len(labels)} training images have a label")
        return LabelledViewStream(views, labels)

    @property
    def images(self) -> Images:
        """All training images, class by class. Raises BenchbenchError if there is none."""
        self._must_have_images()
        return Images(self._dataset.view("train"), self._pool.rows)

    def whole(self, split: Literal["train", "val"]) -> Support:
        """All images of the training or validation classes, class by class, as one support.

        Its class slots are the labels of a batch. There may be none of the validation classes.
        """
        return whole_split(self._dataset, split, self.method, self.seed)

    def _must_have_images(self) -> None:
        if len(self._pool.rows) == 0:
            raise BenchbenchError(f"{self._dataset.name} has no training classes.")

    def validate(
        self,
        adapt: Callable[[Support], Classifier] | None = None,
        *,
        way: int | None = None,
        shot: int | None = None,
        unlabelled: int | None = None,
        distractors: int | None = None,
        most: int | None = None,
    ) -> float | None:
        """The mean accuracy on 100 fixed episodes of the validation classes; 10 to smoke-test.

        adapt: in place of the method's own. way, shot, and of a method that uses unlabelled images
        the numbers of these: in place of the task's. The episodes have these as far as the
        validation classes allow; None if there are too few of them. most: how many of the episodes
        are asked, the first of them.
        """
        shape = self._pool_shape(unlabelled, distractors)
        episodes = self._validation_episodes(way, shot, *shape)[:most]
        if not episodes:
            return None
        view, adapt = self._dataset.view("val"), adapt or self.method.adapt
        accuracies = []
        for index, episode in enumerate(episodes):
            seed_everything(index)
            classify = adapt(support_of(self._dataset, view, episode, self.method, index))
            scores = checked_scores(
                classify(Images(view, episode.query)), len(episode.query), episode.n_way
            )
            accuracies.append(np.mean(scores.argmax(axis=1) == episode.query_labels))
        return float(np.mean(accuracies))

    def _pool_shape(self, unlabelled: int | None, distractors: int | None) -> tuple[int, int]:
        """The unlabelled images of a class to validate with, and the distractor classes."""
        if not self.method.uses_unlabelled:
            return 0, 0
        asked = self.task.n_unlabelled if unlabelled is None else unlabelled
        others = self.task.n_distractors if distractors is None else distractors
        return asked or 0, others or 0

    def _validation_episodes(
        self,
        way: int | None = None,
        shot: int | None = None,
        unlabelled: int = 0,
        distractors: int = 0,
    ) -> list[Episode]:
        """In turn from each source; none if no source has enough validation classes."""
        shape = way, shot, unlabelled, distractors
        if shape not in self._validated_on:
            number = self.budget.choose(
                smoke=SMOKE_EPISODES, quick=VALIDATION_EPISODES, paper=VALIDATION_EPISODES
            )
            origins = self._validation_origins(*shape)
            sets = [sampler.sample(pool, number) for pool, sampler in origins]
            # A sampler may have fewer episodes than are asked for.
            turns = range(min(number, len(sets) * min(map(len, sets))) if sets else 0)
            episodes = [sets[turn % len(sets)][turn // len(sets)] for turn in turns]
            self._validated_on[shape] = episodes
        return self._validated_on[shape]

    def _validation_origins(
        self, way: int | None, shot: int | None, unlabelled: int, distractors: int
    ) -> Origins:
        pools = source_pools(self._dataset, "val")
        if self.sampler is not None and self.task.n_way is None and way is shot is None:
            with suppress(BenchbenchError):
                return pools_with_sampler(pools, self.sampler)
        shot = next((number for number in (shot, self.task.n_shot) if number is not None), 1)
        pools = [pool.at_least(shot + 1) for pool in pools]
        way = way or self.task.n_way or 5
        shape = way, shot, VALIDATION_QUERIES, unlabelled, distractors
        return [(pool, largest_sampler(pool, *shape)) for pool in pools if len(pool) > 1]


def _augmentation_of(given: Augment | str | None) -> Augment | None:
    return create_augmentation(given) if isinstance(given, str) else given
