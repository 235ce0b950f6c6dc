"""Who is given the unlabelled images of an episode, and what a task says of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from support.learning import make_source

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.errors import MethodError
from benchbench.evaluation.participant import evaluate
from benchbench.evaluation.task import task_of
from benchbench.method import Classifier, Method, Support
from benchbench.samplers import ClassPool, FixedSampler


@dataclass
class Looking(Method):
    """Keeps what it is given without labels."""

    name = "looking"

    def adapt(self, support: Support) -> Classifier:
        self.seen = support.unlabelled.array
        self.ids = support.unlabelled.ids
        return lambda queries: np.zeros((len(queries), support.n_way))


def drawn(data: OpenDataset, **pool: int):
    return FixedSampler(3, 1, 2, **pool).sample(ClassPool(data, "test"), 2)


def test_a_method_is_given_them_only_if_it_declares_to_use_them(dataset: OpenDataset) -> None:
    episodes, method = drawn(dataset, unlabelled=2, distractors=1), Looking()
    with pytest.raises(MethodError, match="uses_unlabelled = True"):
        next(evaluate(method, dataset, episodes))
    method.uses_unlabelled = True
    next(evaluate(method, dataset, episodes))
    assert (method.seen == dataset.images(episodes[0].unlabelled)).all()
    assert len(set(method.ids.tolist())) == 8


def test_there_are_none_where_the_protocol_has_none(dataset: OpenDataset) -> None:
    method = Looking()
    method.uses_unlabelled = True
    next(evaluate(method, dataset, drawn(dataset)))
    assert method.seen.shape == (0, *dataset.image_shape)


@pytest.mark.parametrize(("pool", "numbers"), [({}, (0, 0)), ({"unlabelled": 2}, (2, 0))])
def test_the_task_says_how_many_there_are(dataset: OpenDataset, pool, numbers) -> None:
    task = task_of(Problem.of(dataset), drawn(dataset, **pool))
    assert (task.n_unlabelled, task.n_distractors) == numbers
    pool = {"unlabelled": 3, "distractors": 2}
    task = task_of(Problem.of(dataset), drawn(dataset, **pool))
    assert (task.n_unlabelled, task.n_distractors) == (3, 2)


def test_training_episodes_have_them_for_a_method_that_uses_them(dataset: OpenDataset) -> None:
    method = Looking()
    plain = make_source(dataset, method).episodes(3, 1, 2)[0]
    assert plain.support.pool is None
    method.uses_unlabelled = True
    source = make_source(dataset, method)
    assert len(source.episodes(3, 1, 2)[0].support.unlabelled) == 0
    episode = source.episodes(3, 1, 2, unlabelled=2, distractors=1)[0]
    assert len(episode.support.unlabelled) == 8
    assert episode.support.images.ids.tolist() == plain.support.images.ids.tolist()
    assert episode.query.ids.tolist() == plain.query.ids.tolist()
    assert not set(episode.images.ids.tolist()) & set(episode.support.unlabelled.ids.tolist())


def test_an_augmentation_changes_them_as_well_and_the_others_as_before(
    dataset: OpenDataset,
) -> None:
    method = Looking()
    method.uses_unlabelled = True
    shape, pool = (3, 1, 2), {"unlabelled": 2}
    source = make_source(dataset, method)
    clear = source.episodes(*shape, **pool)[0].support.unlabelled
    changed = source.episodes(*shape, **pool, augment="flip+grey")[0].support.unlabelled
    assert changed.ids.tolist() == clear.ids.tolist()
    assert not np.array_equal(changed.array, clear.array)


def test_validation_has_them_unless_it_is_told_otherwise(dataset: OpenDataset) -> None:
    method = Looking()
    method.uses_unlabelled = True
    source = make_source(dataset, method)
    source.task = task_of(Problem.of(dataset), drawn(dataset, unlabelled=2, distractors=1))
    source.validate()
    assert len(method.seen) == 8
    source.validate(unlabelled=0, distractors=0)
    assert len(method.seen) == 0
