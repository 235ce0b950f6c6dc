"""Training episodes and batches by step."""

import numpy as np
from training.oracle import classes_of, make_source

from benchbench.datasets.base import OpenDataset


def test_groups_are_consecutive_episodes(dataset: OpenDataset) -> None:
    stream = make_source(dataset).episodes(way=5, shot=1, query=3)
    group = stream.grouped(4)[2]
    assert [g.images.ids.tolist() for g in group] == [
        stream[step].images.ids.tolist() for step in range(8, 12)
    ]
    assert len(next(iter(stream.grouped(3)))) == 3


def test_episode_images_are_the_support_and_then_the_queries(dataset: OpenDataset) -> None:
    episode = make_source(dataset).episodes(way=4, shot=2, query=3)[7]
    joined = np.concatenate([episode.support.images.ids, episode.query.ids])
    np.testing.assert_array_equal(episode.images.ids, joined)
    assert len(set(joined.tolist())) == len(joined) == 4 * (2 + 3)
    assert episode.support.labels.bincount().tolist() == [2] * 4
    assert episode.query_labels.bincount().tolist() == [3] * 4


def test_training_data_depend_on_step_and_seed_alone(dataset: OpenDataset) -> None:
    def ids(seed: int, step: int, warm_up: int) -> tuple[list[int], list[int]]:
        source = make_source(dataset, seed=seed)
        episodes, batches = source.episodes(5, 1, 5), source.batches(16)
        for earlier in range(warm_up):
            episodes[earlier], batches[earlier]
        return episodes[step].images.ids.tolist(), batches[step].images.ids.tolist()

    assert ids(0, 300, warm_up=0) == ids(0, 300, warm_up=40)
    assert ids(0, 300, warm_up=0) != ids(1, 300, warm_up=0)
    assert ids(0, 300, warm_up=0) != ids(0, 301, warm_up=0)


def test_an_epoch_of_batches_is_a_permutation_of_the_training_images(dataset: OpenDataset) -> None:
    batches = make_source(dataset).batches(48)
    assert batches.per_epoch == 5
    epochs = [
        np.concatenate([batches[step].images.ids for step in range(start, start + 5)])
        for start in (0, 5)
    ]
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 240
    assert epochs[0].tolist() != epochs[1].tolist()


def test_batch_labels_are_the_classes_in_the_split(dataset: OpenDataset) -> None:
    batch = make_source(dataset).batches(64)[3]
    private = np.argsort(dataset.public_ids)[batch.images.ids]
    train = dataset.splits["train"]
    np.testing.assert_array_equal(train[batch.labels.numpy()], dataset.labels[private])


def test_an_episode_is_of_one_source(two_sources: OpenDataset) -> None:
    stream = make_source(two_sources).episodes(way=5, shot=2, query=3)
    assert (stream.way, stream.shot, stream.query) == (5, 2, 3)
    ways = []
    for step in range(200):
        names = [two_sources.class_names[c] for c in classes_of(two_sources, [stream[step].images])]
        assert len({name.split("/")[0] for name in names}) == 1
        ways.append(len(names))
    # Each source is as likely as the other; the standard deviation is 7.
    assert 75 < ways.count(5) < 125
    assert ways.count(5) + ways.count(3) == 200


def test_the_source_of_a_step_does_not_depend_on_the_steps_before(two_sources: OpenDataset) -> None:
    late, all_along = (make_source(two_sources).episodes(4, 1, 2) for _ in range(2))
    expected = [all_along[step].images.ids for step in range(300)]
    for step in (299, 7, 0, 256):
        np.testing.assert_array_equal(late[step].images.ids, expected[step])


def test_a_batch_is_of_all_sources(two_sources: OpenDataset) -> None:
    batch = make_source(two_sources).batches(80)[0]
    assert set(batch.labels.tolist()) == set(range(10))
