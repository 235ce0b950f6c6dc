"""A method with the labelled pictures that it adapts to: what answers for new pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from benchbench.datasets.class_words import are_words
from benchbench.datasets.open_dataset import Pixels
from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import Question
from benchbench.method import Method
from benchbench.prediction.labelled import LabelledImages
from benchbench.prediction.own_size import joined
from benchbench.prediction.pictures import PictureReader
from benchbench.prediction.trained import Trained
from benchbench.system.arrays import FloatArray
from benchbench.system.progress import say
from benchbench.system.texts import counted

QUERIES_TOGETHER = 512
"""The most pictures in one call of an inductive classifier; a transductive one sees all at once."""


@dataclass(frozen=True)
class Learner:
    """A trained method, its labelled pictures, how pictures are read, and a seed.

    seed: of the method's random numbers while it adapts.
    """

    trained: Trained
    support: LabelledImages
    reader: PictureReader
    seed: int = 0

    def scores(self, pictures: Pixels) -> FloatArray:
        """The scores of each class, float64 [n, n_way]; pictures: as the reader reads them.

        The method is asked as in the benchmark. Raises BenchbenchError if it does not apply to
        this support, MethodError if it answers no scores, and whatever it raises.
        """
        method = self._applicable()
        first, total = len(self.support.images), len(self.support.images) + len(pictures)
        pixels = joined(self.support.images, pictures)
        together = total if method.transductive else QUERIES_TOGETHER
        question = Question(
            support=np.arange(first),
            support_labels=self.support.labels,
            queries=tuple(
                np.arange(start, min(start + together, total))
                for start in range(first, total, together)
            ),
            n_way=len(self.support.class_names),
            seed=self.seed,
            names=self.support.class_names if method.uses_class_names else None,
            unlabelled=np.arange(0) if method.uses_unlabelled else None,
        )
        (scores,) = self.trained.restored(method, pixels).scores([question])
        return scores

    def say_differences(self) -> None:
        """Say how what is asked differs from what was benchmarked, a line each.

        Raises BenchbenchError if the method does not apply to this support.
        """
        method, task = self._applicable(), self.trained.given.task
        way, shots = len(self.support.class_names), self.support.shots
        asked = f"{way} classes with {_range(shots)} each"
        if task.n_way is not None and (way, {*shots}) != (task.n_way, {task.n_shot}):
            say(f"{self.trained.origin} was tested on {task.protocol}; the support has {asked}")
        if method.uses_unlabelled and task.n_unlabelled != 0:
            say(f"{method.name} was tested with unlabelled images, and gets none here")
        if method.transductive:
            say(f"{method.name} is transductive: a picture's answer depends on the others")

    def _applicable(self) -> Method:
        """The method, not yet restored. Raises BenchbenchError if it does not apply."""
        method = self.trained.created()
        names, shots = self.support.class_names, set(self.support.shots)
        trained_for = self.trained.given.task
        if method.fixed_way and trained_for.n_way not in (None, len(names)):
            raise BenchbenchError(
                f"{method.name} was trained for {trained_for.n_way} classes, and the support has "
                f"{len(names)}; give it as many, or a run of {len(names)} classes."
            )
        task = replace(
            trained_for,
            dataset="the support",
            n_way=len(names),
            n_shot=shots.pop() if len(shots) == 1 else None,
            n_query=None,
            has_class_names=are_words(names),
            n_attributes=0,  # No one has said any of these classes.
        )
        if reason := method.skip(task):
            raise BenchbenchError(f"{method.name} does not apply to this support: {reason}.")
        return method


def probabilities(scores: FloatArray) -> FloatArray:
    """The softmax of the scores of each picture, float64 [n, n_way]."""
    return torch.softmax(torch.from_numpy(scores), dim=1).numpy()


def _range(shots: list[int]) -> str:
    least, most = min(shots), max(shots)
    return counted(most, "picture") if least == most else f"{least} to {most} pictures"
