"""All classes at once without a support: what is drawn, and what cannot be."""

from collections.abc import Callable

import numpy as np
import pytest

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, ZeroShotSampler, create_sampler


@pytest.fixture
def pool(make_dataset: Callable[..., OpenDataset]) -> ClassPool:
    return ClassPool(make_dataset(classes=(3, 2, 5), per_class=4), "test")


def test_every_image_of_every_class_is_a_query_once(pool: ClassPool) -> None:
    (episode,) = ZeroShotSampler().sample(pool, 5)
    assert sorted(episode.classes) == sorted(pool.classes)
    assert sorted(episode.query) == sorted(pool.rows)
    assert len(episode.support) == 0
    own = pool.dataset.labels[episode.query]
    np.testing.assert_array_equal(episode.classes[episode.query_labels], own)


def test_some_queries_of_each_class_are_drawn_anew_in_each_episode(pool: ClassPool) -> None:
    episodes = create_sampler("zero_shot", query=2).sample(pool, 6)
    assert len(episodes) == 6
    for episode in episodes:
        assert np.bincount(episode.query_labels).tolist() == [2] * 5
        own = pool.dataset.labels[episode.query]
        np.testing.assert_array_equal(episode.classes[episode.query_labels], own)
    assert len({tuple(sorted(episode.query)) for episode in episodes}) > 1
    assert len({tuple(episode.classes) for episode in episodes}) > 1


def test_few_episodes_are_the_first_of_many(pool: ClassPool) -> None:
    sampler = ZeroShotSampler(query=2)
    few, many = sampler.sample(pool, 2), sampler.sample(pool, 4)
    assert [one.id for one in few] == [one.id for one in many][:2]
    assert sampler.sample(pool, 1, start=3)[0].id == many[3].id


def test_queries_are_in_no_order_of_classes(pool: ClassPool) -> None:
    (episode,) = ZeroShotSampler().sample(pool, 1)
    assert (np.diff(episode.query_labels) < 0).any()


def test_what_cannot_be_drawn(pool: ClassPool, make_dataset: Callable[..., OpenDataset]) -> None:
    with pytest.raises(BenchbenchError, match="has 4 images; use --query 4 or fewer"):
        ZeroShotSampler(query=5).sample(pool, 1)
    single = ClassPool(make_dataset(classes=(3, 2, 1), per_class=4), "test")
    with pytest.raises(BenchbenchError, match="needs two classes"):
        ZeroShotSampler().sample(single, 1)
    with pytest.raises(BenchbenchError, match="no --shot"):
        create_sampler("zero_shot", shot=1)
