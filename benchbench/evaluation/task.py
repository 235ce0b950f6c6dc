"""What the episodes of a problem ask of a method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.method import Task
from benchbench.system.arrays import IntArray


def task_of(problem: Problem, episodes: EpisodeSet) -> Task:
    """The task of a method; a number that varies over the episodes or their classes is None."""
    ways = episodes.class_counts
    return Task(
        problem.spec,
        episodes.protocol,
        problem.test.image_shape,
        _constant(ways),
        _constant(_per_class(episodes.support_labels, episodes.support_counts, ways)),
        _constant(_per_class(episodes.query_labels, episodes.query_counts, ways)),
        has_class_names=problem.test.names_are_words,
    )


def training_task(problem: Problem, task: Task) -> Task:
    """The task as training sees it: equal for all problems that share a training."""
    if not problem.collection:
        return task
    words = problem.train.names_are_words
    return replace(task, dataset=problem.collection, has_class_names=words)


def _constant(values: IntArray) -> int | None:
    return int(values[0]) if len(values) and (values == values[0]).all() else None


def _per_class(labels: IntArray, counts: IntArray, ways: IntArray) -> IntArray:
    """How many images each class of each episode has, episode by episode.

    labels: class slots of the images of all episodes; counts: images of each episode.
    """
    first = np.cumsum(ways) - ways
    return np.bincount(labels + np.repeat(first, counts), minlength=int(ways.sum()))
