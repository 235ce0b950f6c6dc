"""Training episodes and batches by step."""

import numpy as np
import pytest
import torch
from training.oracle import classes_of, make_source

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.images import Images
from benchbench.training.labelled import joined


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


def test_a_group_has_one_handle_on_all_images_and_splits_their_features(dataset) -> None:
    group = make_source(dataset).episodes(way=3, shot=2, query=1).grouped(2)[1]
    features = torch.from_numpy(group.images.ids)[:, None]
    for (known, asked), episode in zip(group.split(features), group, strict=True):
        assert known[:, 0].tolist() == episode.support.images.ids.tolist()
        assert asked[:, 0].tolist() == episode.query.ids.tolist()
    np.testing.assert_array_equal(group.images.array[9:], group[1].images.array)


def test_handles_on_arrays_are_joined_as_well(dataset: OpenDataset) -> None:
    one = make_source(dataset).episodes(3, 1, 1)[0].images
    two = Images.from_array(one.array + 1)
    np.testing.assert_array_equal(joined([one, two]).array, [*one.array, *two.array])


def test_a_range_of_shots_is_drawn_from_by_step(dataset: OpenDataset) -> None:
    stream = make_source(dataset).episodes(way=4, shot=(1, 3), query=30)
    assert (stream.way, stream.shot, stream.query) == (4, 3, 17)
    shots = [len(stream[step].support.images) // 4 for step in range(300)]
    # Each is as likely as the others; the standard deviation is 8.
    assert all(70 < shots.count(shot) < 130 for shot in (1, 2, 3))
    assert all(len(stream[step].query) == 4 * 17 for step in range(20))
    late = make_source(dataset).episodes(way=4, shot=(1, 3), query=30)
    assert late[299].images.ids.tolist() == stream[299].images.ids.tolist()
    assert len(late[299].support.images) // 4 == shots[299]


def test_the_episodes_of_a_group_have_one_shot(dataset: OpenDataset) -> None:
    groups = make_source(dataset).episodes(way=3, shot=(1, 5), query=2).grouped(4)
    sizes = [{len(episode.support.images) for episode in groups[step]} for step in range(30)]
    assert all(len(each) == 1 for each in sizes)
    assert len(set.union(*sizes)) == 5


def test_a_range_of_one_shot_is_that_shot(dataset: OpenDataset) -> None:
    source = make_source(dataset)
    one, same = source.episodes(3, 2, 2), source.episodes(3, (2, 2), 2)
    assert one[5].images.ids.tolist() == same[5].images.ids.tolist()


def doubled(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image brighter by a number of its own."""
    return pixels + rng.integers(1, 256, (len(pixels), 1, 1, 1), dtype=np.uint8)


def test_every_handle_on_an_augmented_episode_sees_the_same_pixels(dataset: OpenDataset) -> None:
    plain = make_source(dataset).episodes(3, 2, 2)[4]
    episodes = make_source(dataset).episodes(3, 2, 2, augment=doubled)
    episode, again = episodes[4], episodes[4]
    assert episode.images.ids.tolist() == plain.images.ids.tolist()
    assert episode.support.images.ids.tolist() == plain.support.images.ids.tolist()
    both = np.concatenate([episode.support.images.array, episode.query.array])
    np.testing.assert_array_equal(episode.images.array, both)
    np.testing.assert_array_equal(again.images.array, both)
    shifts = (both - plain.images.array).reshape(len(both), -1)
    assert (shifts.min(1) == shifts.max(1)).all()
    assert len(set(shifts[:, 0].tolist())) > 6
    other = episodes[5].images.array - make_source(dataset).episodes(3, 2, 2)[5].images.array
    assert other[0, 0, 0] != shifts[0, 0]
    group = make_source(dataset).episodes(3, 2, 2, augment=doubled).grouped(2)[2]
    np.testing.assert_array_equal(group.images.array[: len(both)], both)


def test_batches_are_augmented_by_step(dataset: OpenDataset) -> None:
    plain, flipped = (make_source(dataset).batches(8, augment=a) for a in (None, "flip[share=1]"))
    np.testing.assert_array_equal(flipped[2].images.array, plain[2].images.array[:, :, ::-1])
    assert flipped[2].labels.tolist() == plain[2].labels.tolist()


def test_an_augmentation_keeps_the_shape(dataset: OpenDataset) -> None:
    episode = make_source(dataset).episodes(3, 1, 1, augment=lambda pixels, rng: pixels / 2)[0]
    with pytest.raises(MethodError, match=r"gives float64 \(6, 16, 16, 1\), not uint8"):
        _ = episode.images.array
