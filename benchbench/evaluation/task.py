"""What the episodes of a problem ask of a method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.unlabelled_part import has_unlabelled_part
from benchbench.evaluation.validation_part import has_validation_part
from benchbench.method import Task
from benchbench.system.arrays import common_value


def task_of(problem: Problem, episodes: EpisodeSet) -> Task:
    """The task of a method; a number that varies over the episodes or their classes is None."""
    return Task(
        problem.spec,
        episodes.protocol,
        problem.test.image_shape,
        *episodes.shape,
        has_class_names=problem.test.names_are_words,
        has_training_classes=len(problem.train.splits.get("train", ())) > 0,
        has_unlabelled_part=not problem.collection and has_unlabelled_part(problem.train, episodes),
        has_validation_part=has_validation_part(problem.test, episodes),
        n_attributes=n_attributes(problem),
        **_pool_of(problem.test, episodes),
    )


def n_attributes(problem: Problem) -> int:
    """How many attributes each class has, if those learned from and tested on have the same."""
    learned, tested = problem.train.attributes, problem.test.attributes
    same = learned is not None and tested is not None and learned.names == tested.names
    return len(learned.names) if learned and same else 0


def _pool_of(dataset: OpenDataset, episodes: EpisodeSet) -> dict[str, int | None]:
    """The numbers of the unlabelled images; None where they vary over episodes or classes."""
    if not episodes.has_pool:
        return {}
    first = np.arange(len(episodes)).repeat(episodes.unlabelled_counts) * len(dataset.class_names)
    slots, members = np.unique(first + dataset.labels[episodes.unlabelled], return_counts=True)
    classes = np.bincount(slots // len(dataset.class_names), minlength=len(episodes))
    others = classes - episodes.class_counts
    return {"n_unlabelled": common_value(members), "n_distractors": common_value(others)}


def training_task(problem: Problem, task: Task) -> Task:
    """The task as training sees it: equal for all problems that share a training."""
    if not problem.collection:
        return task
    words = problem.train.names_are_words
    return replace(task, dataset=problem.collection, has_class_names=words)
