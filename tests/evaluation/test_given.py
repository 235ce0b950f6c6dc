"""What the process of a method is given, and what not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.given import hidden_images, learned_part, question
from benchbench.evaluation.nonce import Nonce
from benchbench.method import Method, Task
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.source import TrainingSource

NONCE = Nonce(b"secret")


@pytest.fixture(scope="module")
def rich(dataset: OpenDataset) -> OpenDataset:
    """A data set that has all there is to know of its classes."""
    count = len(dataset.class_names)
    return replace(
        dataset,
        class_names=[f"secret-{number}" for number in range(count)],
        hierarchy=[(f"above-{number}",) for number in range(count)],
        groups=np.array([f"drawer-{label}" for label in dataset.labels]),
        unreadable=["secret-file"],
        remarks=["1 file was left out: secret-note."],
        nodes={split: [classes] for split, classes in dataset.splits.items()},
        fixed_episodes=FixedSampler().sample(ClassPool(dataset, "test"), 2),
    )


def test_nothing_of_test_classes_is_left(rich: OpenDataset) -> None:
    learned = learned_part(rich, NONCE)
    test = rich.splits["test"]
    assert set(learned.splits) == {"train", "val"}
    assert not np.isin(learned.labels, test).any()
    assert [learned.class_names[number] for number in test] == [""] * len(test)
    assert learned.hierarchy is not None
    assert [learned.hierarchy[number] for number in test] == [()] * len(test)
    assert learned.nodes is not None
    assert set(learned.nodes) == {"train", "val"}
    assert learned.fixed_episodes is None
    assert (learned.unreadable, learned.remarks) == ([], [])
    assert learned.groups is not None
    assert not {f"drawer-{number}" for number in test} & set(learned.groups.tolist())


def test_nothing_of_test_classes_is_sent(rich: OpenDataset) -> None:
    sent = pickle.dumps(learned_part(rich, NONCE))
    for number in rich.splits["test"]:
        assert f"secret-{number}".encode() not in sent
        assert f"above-{number}".encode() not in sent
        assert f"drawer-{number}".encode() not in sent
    assert f"secret-{rich.splits['train'][0]}".encode() in sent
    assert rich.labels.tobytes() not in sent


def test_what_is_learned_from_is_all_there(rich: OpenDataset) -> None:
    learned = learned_part(rich, NONCE)
    kept = np.flatnonzero(np.isin(rich.labels, np.concatenate(list(learned.splits.values()))))
    assert np.array_equal(learned.labels, rich.labels[kept])
    assert np.array_equal(learned.images(np.arange(len(kept))), rich.images(kept))
    assert learned.groups is not None
    assert rich.groups is not None
    assert learned.groups.tolist() == rich.groups[kept].tolist()


class Silent(Method):
    name = "silent"


def test_the_draws_of_training_are_those_of_the_whole_data_set(dataset: OpenDataset) -> None:
    task = Task(dataset.name, "5way-1shot-15query", dataset.image_shape, 5, 1, 15)
    sources = [
        TrainingSource(one, Silent(), task) for one in (dataset, learned_part(dataset, NONCE))
    ]
    streams = [(source.episodes(5, 1, 5), source.batches(16)) for source in sources]
    for step in range(5):
        (episodes, batches), (again, others) = streams
        for whole, part in ((episodes[step], again[step]),):
            assert np.array_equal(whole.support.images.array, part.support.images.array)
            assert whole.support.labels.tolist() == part.support.labels.tolist()
            assert np.array_equal(whole.query.array, part.query.array)
        assert np.array_equal(batches[step].images.array, others[step].images.array)
        assert batches[step].labels.tolist() == others[step].labels.tolist()


def test_the_hidden_images_are_those_of_the_split(dataset: OpenDataset) -> None:
    hidden = hidden_images(dataset, "test", NONCE)
    rows = dataset.view("test").rows
    assert (np.diff(hidden.rows) > 0).all()
    places = dataset.storage.places[rows]
    assert np.array_equal(hidden.read(places), dataset.images(rows))
    assert np.array_equal(np.sort(places), hidden.rows)


def test_neither_places_nor_ids_tell_a_class(make_dataset: Callable[..., OpenDataset]) -> None:
    """Neighbours are of one class no more often than by chance."""
    dataset = make_dataset(per_class=50)
    hidden = hidden_images(dataset, "test", NONCE)
    label_at = np.empty(len(dataset.labels), np.int64)
    label_at[dataset.storage.places] = dataset.labels
    labels = label_at[hidden.rows]
    ids = hidden.public_ids[hidden.rows]
    for order in (np.arange(len(labels)), np.argsort(ids)):
        equal = np.mean(np.diff(labels[order]) == 0)
        assert equal < 3 / len(dataset.splits["test"])
    assert len(set(ids.tolist())) == len(ids)


def test_ids_are_of_the_run_alone(dataset: OpenDataset) -> None:
    one, same, other = (
        hidden_images(dataset, "test", nonce).public_ids
        for nonce in (NONCE, Nonce(b"secret"), Nonce(b"other"))
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, dataset.public_ids)


def test_what_is_read_is_a_copy(dataset: OpenDataset) -> None:
    hidden = hidden_images(dataset, "test", NONCE)
    before = hidden.read(hidden.rows[:3])
    hidden.read(hidden.rows[:3])[:] = 0
    assert np.array_equal(hidden.read(hidden.rows[:3]), before)


@pytest.fixture(scope="module")
def episodes(dataset: OpenDataset) -> EpisodeSet:
    return FixedSampler(way=3, shot=2, query=4).sample(ClassPool(dataset, "test"), 3)


def test_a_question_has_no_label_of_a_query(dataset: OpenDataset, episodes: EpisodeSet) -> None:
    episode, order = episodes[0], NONCE.order(12, "queries", 0)
    asked = question(dataset, episode, order, seed=5, with_names=False)
    told = {"support", "support_labels", "queries", "n_way", "seed", "names", "validation"}
    assert set(vars(asked)) == told | {"attributes", "unlabelled"}
    assert asked.names is asked.validation is asked.attributes is asked.unlabelled is None
    assert (asked.n_way, asked.seed) == (3, 5)
    (queries,) = asked.queries
    hidden = hidden_images(dataset, "test", NONCE)
    assert np.array_equal(hidden.read(queries), dataset.images(episode.query[order]))
    assert np.array_equal(hidden.read(asked.support), dataset.images(episode.support))


def test_names_are_for_who_declares_to_read_them(
    dataset: OpenDataset, episodes: EpisodeSet
) -> None:
    episode = episodes[0]
    asked = question(dataset, episode, np.arange(12), seed=0, with_names=True)
    assert asked.names == tuple(dataset.class_names[number] for number in episode.classes)
