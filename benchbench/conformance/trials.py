"""The episodes that a method is audited on: of validation classes, and of noise."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from benchbench.conformance.outcomes import NotApplicable
from benchbench.conformance.trial import Trial
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.method import Task
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.arrays import ByteArray
from benchbench.training.pools import largest_sampler

WAY, SHOT, QUERY = 5, 5, 15
UNLABELLED, DISTRACTORS = 5, 5
"""Of a method that declares to use them: images of each class, and other classes."""
NOISE_IMAGES = 512
FEWEST_EPISODES = 30
"""The least number of episodes in a test of accuracies, however slow the method."""
EPISODES_SEED = 20_260
"""The seed of the audit's episodes, which no result uses."""


class Trials:
    """Episodes of the validation classes, for alterations and for tests of accuracies.

    They are of the training classes if there are fewer than two validation classes; test classes
    are never drawn. Way and shots are the task's as far as the classes allow, and 5-way 5-shot with
    15 queries a class if the task leaves them open. Raises BenchbenchError if the data set has too
    few classes or images.

    uses_unlabelled: whether they have unlabelled images, as far as there are enough.
    number: how many episodes are altered. chance_episodes, seconds: the most that a test of
    accuracies takes.
    """

    def __init__(
        self,
        dataset: OpenDataset,
        task: Task,
        seed: int,
        number: int,
        chance_episodes: int,
        seconds: float,
        uses_unlabelled: bool = False,
    ) -> None:
        self.dataset, self.task, self.seed, self.number = dataset, task, seed, number
        self.chance_episodes, self.seconds = chance_episodes, seconds
        self.pool = audited_pool(dataset)
        self.split = self.pool.split
        shot = SHOT if task.n_shot is None else task.n_shot
        self.way, self.shot, self.query = possible_shape(
            self.pool, task.n_way or WAY, shot, task.n_query or QUERY
        )
        self.unlabelled = self.distractors = 0
        if uses_unlabelled:
            shape = self.way, self.shot, self.query, UNLABELLED, DISTRACTORS
            drawn = largest_sampler(self.pool, *shape)
            self.query, self.unlabelled, self.distractors = (
                *(drawn.query, drawn.unlabelled, drawn.distractors),
            )

    def sample(self, count: int, seed: int = EPISODES_SEED) -> EpisodeSet:
        """Episodes of the bench's shape."""
        sampler = FixedSampler(self.way, self.shot, self.query)
        sampler.unlabelled, sampler.distractors = self.unlabelled, self.distractors
        return sampler.sample(self.pool, count, seed)

    @cached_property
    def _episodes(self) -> EpisodeSet:
        return self.sample(2 * self.chance_episodes)

    def trial(self, number: int) -> Trial:
        """One of the bench's episodes, unaltered."""
        seed = episode_seed(self._episodes, number, self.seed)
        return self.trial_of(self._episodes[number], seed)

    def trials(self, count: int | None = None, draw: int = 0) -> Iterator[Trial]:
        """The first episodes of the bench, by default those for alterations.

        draw: 1 gives as many other episodes, for the repetition of a test of accuracies.
        """
        start = draw * self.chance_episodes
        numbers = range(start, start + (self.number if count is None else count))
        return (self.trial(number) for number in numbers)

    def draw(self, way: int, shot: int, query: int, number: int = 0) -> Trial:
        """One episode of another shape. Raises NotApplicable if the classes are too small."""
        pool = self.pool.at_least(shot + query)
        if len(pool) < way:
            raise NotApplicable(
                f"{self.dataset.name} has no {way} classes of {shot + query} images outside test"
            )
        drawn = FixedSampler(way, shot, query).sample(pool, 1, EPISODES_SEED, start=number)
        return self.trial_of(drawn[0], episode_seed(drawn, number, self.seed))

    def trial_of(self, episode: Episode, seed: int) -> Trial:
        """The trial of an episode."""
        view = self.dataset.view(self.split)
        return Trial(
            Images(view, episode.support),
            episode.support_labels,
            Images(view, episode.query),
            episode.query_labels,
            tuple(self.dataset.class_names[c] for c in episode.classes),
            self.dataset.name,
            seed,
            self.dataset.attributes_of(episode.classes),
            Images(view, episode.unlabelled),
        )

    def noise(self, count: int, number: int = 0) -> ByteArray:
        """Images of noise, uint8 [count, h, w, c]."""
        rng = np.random.default_rng([self.seed, number, 1])
        return rng.integers(0, 256, (count, *self.dataset.image_shape), dtype=np.uint8)

    def noise_view(self, draw: int) -> Any:
        """A split of noise images, whose features a frozen network caches."""
        count = max(NOISE_IMAGES, 2 * self.way * (self.shot + self.query))
        text = f"noise/{self.dataset.image_shape}/{count}/{self.seed}/{draw}"
        noisy = replace(
            self.dataset,
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            pixels=self.noise(count, draw),
            labels=np.zeros(count, np.int64),
            splits={"noise": np.zeros(1, np.int64)},
            groups=None,
            fixed_episodes=None,
        )
        return noisy.view("noise")

    def in_time(self, trials: Iterator[Trial]) -> Iterator[Trial]:
        """As many of the trials as the bench's time allows, but at least 30."""
        started = time.monotonic()
        for number, trial in enumerate(trials):
            if number >= FEWEST_EPISODES and time.monotonic() - started > self.seconds:
                return
            yield trial


def episode_seed(episodes: EpisodeSet, number: int, seed: int) -> int:
    """A seed of this episode alone, whatever ran before it."""
    text = f"{episodes.fingerprint}/{episodes.protocol}/{episodes.seed}/{number}/{seed}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "little")


def audited_pool(dataset: OpenDataset) -> ClassPool:
    """The validation classes of two images or more, or the training classes if they are too few."""
    if "val" in dataset.splits and len(pool := ClassPool(dataset, "val").at_least(2)) > 1:
        return pool
    return ClassPool(dataset, "train").at_least(2)


def possible_shape(pool: ClassPool, way: int, shot: int, query: int) -> tuple[int, int, int]:
    """Way, shot and query reduced to what the pool can supply.

    Raises BenchbenchError if it has fewer than two classes.
    """
    if len(pool) < 2:
        raise BenchbenchError(
            f"{pool.dataset.name} has too few validation and training classes for an audit; "
            "two classes of two images or more are needed."
        )
    smallest = int(pool.sizes.min())
    shot = min(shot, smallest - 1)
    return min(way, len(pool)), shot, min(query, smallest - shot)


def task_for(dataset: OpenDataset) -> Task:
    """The task of `Bench.train`: 5-way 5-shot with 15 queries a class, if there is room."""
    way, shot, query = possible_shape(audited_pool(dataset), WAY, SHOT, QUERY)
    protocol = FixedSampler(way, shot, query).protocol
    shape = dataset.image_shape
    words, known = dataset.names_are_words, dataset.attributes
    number = len(known.names) if known else 0
    return Task(dataset.name, protocol, shape, way, shot, query, words, n_attributes=number)
