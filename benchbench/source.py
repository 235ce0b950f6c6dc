"""What a method may learn from: training episodes, training batches, a validation score.

Nothing here reaches the test split. Episodes and batches are addressed by step, so that training
that was interrupted goes on with the data that it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from benchbench.compute import Compute, seed_everything
from benchbench.datasets.base import OpenDataset, SplitView
from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import BenchbenchError, MethodError
from benchbench.method import NAMES_WITHHELD, Classifier, Images, Method, Support, Task
from benchbench.metrics import checked_scores
from benchbench.samplers import ClassPool, FixedSampler, Sampler, Stream

T = TypeVar("T")

VALIDATION_EPISODES = 100
SMOKE_EPISODES = 10
"""Of validation in the smoke budget, which is to take seconds."""
VALIDATION_QUERIES = 15
BLOCK = 256
"""Training episodes drawn at once."""

SEEDS_APART = 1_000_003
"""Between two seeds of training, in the random numbers of a step."""

NO_CLASSES = np.empty(0, np.int64)


@dataclass(frozen=True)
class Budget:
    """How long to train: `smoke` (seconds), `quick` (minutes on two cores), `paper` (the published
    recipe), or a number of steps with the quick recipe otherwise.
    """

    name: str = "quick"
    steps: int | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Raises BenchbenchError for anything else."""
        if text in ("smoke", "quick", "paper"):
            return cls(text)
        if text.isdecimal() and int(text) > 0:
            return cls("quick", int(text))
        raise BenchbenchError(
            f"'{text}' is not a budget; use smoke, quick, paper or a number of training steps."
        )

    def __str__(self) -> str:
        return str(self.steps or self.name)

    def choose(self, *, smoke: T, quick: T, paper: T) -> T:
        """The value for this budget."""
        return {"smoke": smoke, "quick": quick, "paper": paper}[self.name]

    def training_steps(self, *, smoke: int, quick: int, paper: int) -> int:
        """The number of training steps: the one asked for, else the budget's."""
        return self.steps or self.choose(smoke=smoke, quick=quick, paper=paper)


@dataclass
class LabelledEpisode:
    """A training episode.

    query_labels: int64 tensor [n_query] of class slots. images: the support images and after them
    the queries, for a network that embeds both in one pass.
    """

    support: Support
    query: Images
    query_labels: torch.Tensor
    images: Images


@dataclass
class Batch:
    """Training images of any classes: labels is an int64 tensor [n] below `source.n_classes`."""

    images: Images
    labels: torch.Tensor


@dataclass
class FitRecord:
    """One finished call of `fit`, for the manifest."""

    stage: str
    steps: int
    best_step: int
    validation_accuracy: float | None
    seconds: float


@dataclass
class TrainingSource:
    """The training and validation classes of a data set, for one method.

    They are those of the data set's `training`, where it has one. The test split is left behind.
    Where the training data are of several sources, an episode is of one of them, drawn uniformly,
    and a batch of all. task: what the method will be tested on. budget: how long to
    train. compute: threads, device and precision. rng: a NumPy generator, seeded anew in each step
    of `fit`. folder: where this method's checkpoints go, or None. shared: where trainings that
    several methods share are kept, or None. sampler: of the task's episodes, or None.
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

    def __post_init__(self, dataset: OpenDataset) -> None:
        learnt = dataset.training or dataset
        splits = {split: learnt.splits.get(split, NO_CLASSES) for split in ("train", "val")}
        self._dataset = replace(learnt, splits=splits, fixed_episodes=None)
        self.rng = np.random.default_rng(self.seed)
        self._pool = ClassPool(self._dataset, "train")

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

        Raises MethodError where the method does not declare that it uses class names.
        """
        if not self.method.uses_class_names:
            raise MethodError(NAMES_WITHHELD)
        return tuple(self._pool.class_name(label) for label in range(self.n_classes))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self._dataset.image_shape

    @property
    def most_shots(self) -> int:
        """The most shots for which a source has two training classes, each with a query left."""
        sizes = [np.sort(pool.sizes) for pool in source_pools(self._dataset, "train")]
        return max([1, *(int(each[-2]) - 1 for each in sizes if len(each) > 1)])

    def episodes(self, way: int, shot: int, query: int) -> EpisodeStream:
        """An endless stream of labelled episodes of training classes, by step.

        `way` and `query` are upper bounds: fewer are taken where a source's training classes, or
        the smallest of them, do not offer as many. Classes of fewer than shot + 1 images are left
        out. Raises BenchbenchError where no source has two classes left.
        """
        pools = [pool.at_least(shot + 1) for pool in source_pools(self._dataset, "train")]
        if max(map(len, pools)) < 2:
            raise BenchbenchError(
                f"{self._dataset.name} has {max(map(len, pools))} training classes of {shot + 1} "
                f"or more images; {self.method.name} needs two."
            )
        return EpisodeStream(
            self, [(pool, fitting(pool, way, shot, query)) for pool in pools if len(pool) > 1]
        )

    def task_episodes(self) -> EpisodeStream:
        """An endless stream of labelled episodes drawn like the task's, of training classes.

        What varies over the task's episodes varies here as well. A source of too few classes or
        images for them is left out. Raises BenchbenchError where none is left, or where it is not
        known how the task's episodes are drawn.
        """
        if self.sampler is None:
            raise BenchbenchError(
                f"How to draw training episodes like {self.task.protocol} is not known; "
                "name the --sampler in place of a file of episodes."
            )
        return EpisodeStream(self, supplied(source_pools(self._dataset, "train"), self.sampler))

    def batches(self, size: int) -> BatchStream:
        """An endless stream of shuffled batches of all training images, by step."""
        if len(self._pool.rows) == 0:
            raise BenchbenchError(f"{self._dataset.name} has no training classes.")
        return BatchStream(self._dataset.view("train"), self._pool, size, self.seed)

    def validate(self, adapt: Callable[[Support], Classifier] | None = None) -> float | None:
        """The mean accuracy on 100 fixed episodes of the validation classes; 10 to smoke-test.

        adapt: in place of the method's own. The episodes have the task's way and shot as far as
        the validation classes allow; None where there are too few of them.
        """
        if not self._validation_episodes:
            return None
        view, adapt = self._dataset.view("val"), adapt or self.method.adapt
        accuracies = []
        for index, episode in enumerate(self._validation_episodes):
            seed_everything(index)
            classify = adapt(support_of(self._dataset, view, episode, self.method, index))
            scores = checked_scores(
                classify(Images(view, episode.query)), len(episode.query), episode.n_way
            )
            accuracies.append(np.mean(scores.argmax(axis=1) == episode.query_labels))
        return float(np.mean(accuracies))

    @cached_property
    def _validation_episodes(self) -> list[Episode]:
        """In turn from each source; none where no source has enough validation classes."""
        number = self.budget.choose(
            smoke=SMOKE_EPISODES, quick=VALIDATION_EPISODES, paper=VALIDATION_EPISODES
        )
        sets = [sampler.sample(pool, number) for pool, sampler in self._validation_origins()]
        return [sets[turn % len(sets)][turn // len(sets)] for turn in range(number if sets else 0)]

    def _validation_origins(self) -> list[tuple[ClassPool, Sampler]]:
        pools = source_pools(self._dataset, "val")
        if self.sampler is not None and self.task.n_way is None:
            with suppress(BenchbenchError):
                return supplied(pools, self.sampler)
        shot = 1 if self.task.n_shot is None else self.task.n_shot
        pools = [pool.at_least(shot + 1) for pool in pools]
        way = self.task.n_way or 5
        return [
            (pool, fitting(pool, way, shot, VALIDATION_QUERIES)) for pool in pools if len(pool) > 1
        ]


def source_pools(dataset: OpenDataset, split: str) -> list[ClassPool]:
    """The classes of a split by source; one pool where the data set is no more than one source."""
    if dataset.members is None:
        return [ClassPool(dataset, split)]
    classes = dataset.splits[split]
    pools = []
    for name, members in dataset.members.items():
        part = f"{split} of {name}"
        splits = {part: np.intersect1d(classes, members)}
        parents = dataset.hierarchy
        if parents is not None and not any(parents[c] for c in members):
            parents = None
        pools.append(ClassPool(replace(dataset, splits=splits, hierarchy=parents), part))
    return pools


def supplied(pools: Sequence[ClassPool], sampler: Sampler) -> list[tuple[ClassPool, Sampler]]:
    """The pools that can supply the sampler's episodes. Raises BenchbenchError where none can."""
    found: list[tuple[ClassPool, Sampler]] = []
    failure: BenchbenchError | None = None
    for pool in pools:
        try:
            sampler.check(pool)
        except BenchbenchError as error:
            failure = error
        else:
            found.append((pool, sampler))
    if not found:
        assert failure is not None
        raise failure
    return found


def fitting(pool: ClassPool, way: int, shot: int, query: int) -> FixedSampler:
    """The sampler of this shot with as many of `way` and `query` as the pool has."""
    return FixedSampler(min(way, len(pool)), shot, min(query, int(pool.sizes.min()) - shot))


def support_of(
    dataset: OpenDataset, view: SplitView, episode: Episode, method: Method, seed: int
) -> Support:
    """What a method sees of an episode before it must answer."""
    names = tuple(dataset.class_names[c] for c in episode.classes)
    return Support(
        images=Images(view, episode.support),
        labels=torch.from_numpy(episode.support_labels.copy()),
        n_way=episode.n_way,
        dataset=dataset.subject,
        seed=seed,
        names=names if method.uses_class_names else None,
    )


class EpisodeStream:
    """Training episodes by step; `way`, `shot` and `query` are the most that are really drawn.

    They are None where the sampler lets them vary.
    """

    def __init__(
        self, source: TrainingSource, origins: Sequence[tuple[ClassPool, Sampler]]
    ) -> None:
        self._dataset, self._method, self._seed = source._dataset, source.method, source.seed
        self._view, self._origins = source._dataset.view("train"), origins
        self._blocks: dict[int, tuple[int, EpisodeSet]] = {}
        self._turns = Stream(turns=source._dataset.fingerprint, seed=source.seed)
        shapes = [sampler.shape for _, sampler in origins]
        self.way, self.shot, self.query = map(_most, zip(*shapes, strict=True))

    def __getitem__(self, step: int) -> LabelledEpisode:
        episode = self._drawn(self._origin(step), step)
        return LabelledEpisode(
            support=support_of(self._dataset, self._view, episode, self._method, step),
            query=Images(self._view, episode.query),
            query_labels=torch.from_numpy(episode.query_labels.copy()),
            images=Images(self._view, np.concatenate([episode.support, episode.query])),
        )

    def _origin(self, step: int) -> int:
        """Which source the step's episode is of, each as likely as the others."""
        if len(self._origins) == 1:
            return 0
        return int(self._turns.uniform(step, step + 1, 1).item() * len(self._origins))

    def _drawn(self, origin: int, step: int) -> Episode:
        number = step // BLOCK
        block = self._blocks.get(origin)
        if block is None or block[0] != number:
            pool, sampler = self._origins[origin]
            block = number, sampler.sample(pool, BLOCK, self._seed, start=number * BLOCK)
            self._blocks[origin] = block
        return block[1][step % BLOCK]

    def grouped(self, size: int) -> EpisodeGroups:
        """The same episodes, so many of them a step (a meta-batch)."""
        return EpisodeGroups(self, size)

    def __iter__(self) -> Iterator[LabelledEpisode]:
        return _endless(self.__getitem__)


def _most(numbers: Sequence[int | None]) -> int | None:
    return None if None in numbers else max(number for number in numbers if number is not None)


class EpisodeGroups:
    """Consecutive training episodes, `size` of them by step."""

    def __init__(self, episodes: EpisodeStream, size: int) -> None:
        self._episodes, self.size = episodes, size

    def __getitem__(self, step: int) -> list[LabelledEpisode]:
        first = step * self.size
        return [self._episodes[number] for number in range(first, first + self.size)]

    def __iter__(self) -> Iterator[list[LabelledEpisode]]:
        return _endless(self.__getitem__)


class BatchStream:
    """Batches by step: each epoch is a fresh permutation, its incomplete last batch left out."""

    def __init__(self, view: SplitView, pool: ClassPool, size: int, seed: int) -> None:
        self._view, self._pool, self._seed = view, pool, seed
        self._size = size = min(size, len(pool.rows))
        self._labels = np.repeat(np.arange(len(pool)), pool.sizes)
        self._epoch: tuple[int, np.ndarray] | None = None
        self.per_epoch = len(pool.rows) // size

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            generator = np.random.Philox(key=self._seed, counter=epoch << 64)
            keys = generator.random_raw(len(self._pool.rows))
            self._epoch = epoch, np.argsort(keys, kind="stable")
        chosen = self._epoch[1][place * self._size : (place + 1) * self._size]
        images = Images(self._view, self._pool.rows[chosen])
        return Batch(images, torch.from_numpy(self._labels[chosen]))

    def __iter__(self) -> Iterator[Batch]:
        return _endless(self.__getitem__)


def _endless(item: Callable[[int], T]) -> Iterator[T]:
    step = 0
    while True:
        yield item(step)
        step += 1
