"""Fixed episodes: frozen for ever, uniform in every respect, and refused with a cure."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import (
    UNLIKELY,
    assert_sound,
    column,
    counts,
    labelled,
    pool,
    queries,
    seems_independent,
    several,
    shots,
)
from scipy.stats import chi2_contingency, chisquare, spearmanr

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, FixedSampler, Labelled

# Episodes are frozen: results of all times were made on them. These are the hashes of four 3-way
# 2-shot 2-query and of four 2-way 0-shot episodes of `labelled([5, 4, 6, 5, 4])`, and of two
# disjoint 3-way 1-shot 2-query episodes of `labelled([5, 4, 6, 5, 7])`, computed once.
FROZEN_SHA256 = "69a35226e8eb252c16943e699b0eca64bc128b02580e1fd0dd3d061f1b4b26b7"
FROZEN_DISJOINT_SHA256 = "2029f83368f74fda85150145d21f4fbe77f4adbb6916fec0a07b953108c2301e"
FROZEN_ZERO_SHOT_SHA256 = "ccd4d79576ee102f711bd6a2994a06a05f136deac9786c369df8ee4c447ad106"


def test_the_episodes_are_frozen() -> None:
    five = pool([5, 4, 6, 5, 4])
    assert FixedSampler(3, 2, 2).sample(five, 4).sha256 == FROZEN_SHA256
    assert FixedSampler(2, 0, 3).sample(five, 4, seed=5).sha256 == FROZEN_ZERO_SHOT_SHA256


def test_600_episodes_are_a_prefix_of_10_000(dataset: OpenDataset) -> None:
    test = ClassPool(dataset, "test")
    few, many = (FixedSampler().sample(test, count) for count in (600, 10_000))
    assert few == many.head(600)
    ids = [episode.id for episode in many]
    assert [episode.id for episode in few] == ids[:600]
    assert len(set(ids)) == len(ids)


@several
@given(st.integers(0, 3000), st.integers(1, 5), st.integers(0, 2**63))
def test_an_episode_is_the_same_alone_and_among_many(start: int, count: int, seed: int) -> None:
    sampler, five = FixedSampler(2, 1, 2), pool([4, 3, 5, 4, 6])
    alone = sampler.sample(five, count, seed, start=start)
    among = sampler.sample(five, start + count + 2, seed)
    assert [e.id for e in alone] == [among[start + i].id for i in range(count)]


@pytest.mark.parametrize(
    ("changes", "split", "shape", "seed"),
    [
        ({"drawn_as": "cd" * 32}, "test", (3, 1, 2), 0),
        ({}, "twin", (3, 1, 2), 0),
        ({}, "test", (3, 2, 1), 0),
        ({}, "test", (3, 1, 2), 1),
    ],
    ids=["fingerprint", "split", "protocol", "seed"],
)
def test_what_episodes_depend_on_changes_all_of_them(changes, split, shape, seed) -> None:
    base = FixedSampler(3, 1, 2).sample(pool([6] * 9), 50)
    other = FixedSampler(*shape).sample(pool([6] * 9, split, **changes), 50, seed)
    together = column(base, "classes") == column(other, "classes")
    # There are 504 ordered choices of three classes: of fifty pairs, 0.1 agree by chance.
    assert together.all(axis=1).sum() <= 2


def test_episodes_depend_on_nothing_else(dataset: OpenDataset) -> None:
    base = FixedSampler().sample(ClassPool(dataset, "test"), 20)
    random.seed(1)
    np.random.seed(1)
    renamed = dataclasses.replace(
        dataset,
        name="other",
        pixels=255 - dataset.pixels,
        class_names=[name.upper() for name in dataset.class_names],
        splits={"test": dataset.splits["test"], "train": dataset.splits["train"][:3]},
    )
    assert FixedSampler().sample(ClassPool(renamed, "test"), 20) == base
    assert FixedSampler().sample(ClassPool(renamed, "test"), 20).dataset == "other"


def test_a_set_says_what_it_was_drawn_from() -> None:
    drawn = FixedSampler(2, 1, 3).sample(pool([5] * 4, "twin"), 2, seed=8)
    assert drawn.origin == {
        "fingerprint": "ab" * 32,
        "split": "twin",
        "protocol": "2way-1shot-3query",
        "seed": 8,
    }


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[int], FixedSampler]:
    way, shot, query = draw(st.integers(2, 5)), draw(st.integers(0, 4)), draw(st.integers(1, 4))
    sizes = st.integers(shot + query, shot + query + 4)
    return draw(st.lists(sizes, min_size=way, max_size=way + 4)), FixedSampler(way, shot, query)


def must_fit(episode: Episode, data: Labelled, sampler: FixedSampler) -> None:
    """The episode is sound and of the sampler's shape."""
    assert_sound(episode, data)
    assert episode.n_way == sampler.way
    assert shots(episode).tolist() == [sampler.shot] * sampler.way
    assert queries(episode).tolist() == [sampler.query] * sampler.way


@several
@given(requests(), st.integers(0, 2**32), st.integers(1, 6))
def test_episodes_are_what_was_asked_for(request_, seed: int, count: int) -> None:
    sizes, sampler = request_
    data = labelled(sizes)
    episodes = sampler.sample(ClassPool(data, "test"), count, seed)
    assert len(episodes) == count
    for episode in episodes:
        must_fit(episode, data, sampler)


def test_zero_shot_episodes_have_no_support() -> None:
    episode = FixedSampler(3, 0, 2).sample(pool([4] * 5), 1)[0]
    assert (len(episode.support), len(episode.support_labels), len(episode.query)) == (0, 0, 6)


def test_an_episode_may_use_up_every_class_and_image() -> None:
    episode = FixedSampler(3, 1, 2).sample(pool([3, 3, 3]), 1)[0]
    assert sorted(np.concatenate([episode.support, episode.query])) == list(range(9))


def test_only_classes_of_the_split_are_drawn(dataset: OpenDataset) -> None:
    drawn = FixedSampler(way=3).sample(ClassPool(dataset, "val"), 100)
    assert set(drawn.classes) == set(dataset.splits["val"])


@st.composite
def disjoint_requests(draw: st.DrawFn) -> tuple[list[int], FixedSampler]:
    way, shot, query = draw(st.integers(2, 4)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    sizes = st.integers(shot + query, 5 * (shot + query))
    sampler = FixedSampler(way, shot, query, replacement="none")
    return draw(st.lists(sizes, min_size=way, max_size=way + 5)), sampler


def images_of(episodes: EpisodeSet) -> np.ndarray:
    return np.concatenate([episodes.support, episodes.query])


@several
@given(disjoint_requests(), st.integers(0, 2**32))
def test_disjoint_episodes_go_on_until_too_few_images_are_left(request_, seed: int) -> None:
    sizes, sampler = request_
    data = labelled(sizes)
    episodes = sampler.sample(ClassPool(data, "test"), 1000, seed)
    assert len(episodes) >= 1
    for episode in episodes:
        must_fit(episode, data, sampler)
    used = images_of(episodes)
    assert len(np.unique(used)) == len(used)
    left = np.bincount(np.delete(data.labels, used), minlength=len(sizes))
    assert (left >= sampler.shot + sampler.query).sum() < sampler.way


@several
@given(disjoint_requests(), st.integers(0, 2**32), st.integers(0, 12), st.integers(0, 12))
def test_a_disjoint_episode_is_the_same_alone_and_among_many(request_, seed, start, count) -> None:
    sizes, sampler = request_
    whole = sampler.sample(pool(sizes), 1000, seed)
    part = sampler.sample(pool(sizes), count, seed, start=start)
    assert [e.id for e in part] == [e.id for e in whole][start : start + count]
    assert sampler.sample(pool(sizes), count, seed) == whole.head(min(count, len(whole)))


def test_disjoint_episodes_are_frozen() -> None:
    sampler = FixedSampler(3, 1, 2, replacement="none")
    drawn = sampler.sample(pool([5, 4, 6, 5, 7]), 2)
    assert len(drawn) == 2
    assert drawn.sha256 == FROZEN_DISJOINT_SHA256


def test_disjoint_episodes_depend_on_the_seed() -> None:
    sampler = FixedSampler(3, 1, 2, replacement="none")
    one, other = (sampler.sample(pool([9] * 30), 20, seed) for seed in (0, 1))
    assert (column(one, "classes") == column(other, "classes")).all(axis=1).sum() <= 1


def test_disjoint_episodes_draw_classes_and_images_uniformly() -> None:
    sampler = FixedSampler(2, 1, 2, replacement="none")
    data = labelled([7, 7, 7, 7])
    drawn = [sampler.sample(ClassPool(data, "test"), 1, seed)[0] for seed in range(3000)]
    classes = np.array([episode.classes for episode in drawn])
    pairs = counts(classes[:, 0], classes[:, 1])[~np.eye(4, dtype=bool)]
    assert chisquare(pairs).pvalue > UNLIKELY
    images = np.concatenate([np.r_[episode.support, episode.query] for episode in drawn])
    assert chisquare(np.bincount(images, minlength=28)).pvalue > UNLIKELY
    support = np.concatenate([episode.support for episode in drawn])
    assert chisquare(np.bincount(support, minlength=28)).pvalue > UNLIKELY


def test_later_disjoint_episodes_draw_uniformly_from_what_is_left() -> None:
    sampler = FixedSampler(2, 0, 2, replacement="none")
    second = [sampler.sample(pool([4, 4, 4]), 2, seed) for seed in range(3000)]
    images = np.concatenate([episodes[1].query for episodes in second])
    assert chisquare(np.bincount(images, minlength=12)).pvalue > UNLIKELY
    first = np.array([episodes[0].classes for episodes in second])
    again = np.array([episodes[1].classes for episodes in second])
    assert chi2_contingency(counts(first[:, 0], again[:, 0])).pvalue > UNLIKELY


def test_disjoint_episodes_of_classes_without_the_small_ones() -> None:
    large = pool([3, 6, 2, 6, 5, 9]).at_least(5)
    drawn = FixedSampler(3, 2, 3, replacement="none").sample(large, 10)
    assert len(drawn) == 1
    assert set(drawn.classes) <= {1, 3, 4, 5}
    assert set(large.dataset.labels[images_of(drawn)]) == set(drawn.classes)


@pytest.fixture(scope="module")
def many() -> EpisodeSet:
    return FixedSampler(4, 2, 3).sample(pool([7] * 6), 6000, seed=1)


def test_classes_are_drawn_uniformly_and_slots_are_independent_of_them(many: EpisodeSet) -> None:
    classes = column(many, "classes")
    slots = np.broadcast_to(np.arange(4), classes.shape)
    table = counts(slots, classes)
    assert all(chisquare(row).pvalue > UNLIKELY for row in table)
    assert spearmanr(slots.ravel(), classes.ravel()).pvalue > UNLIKELY


def test_every_ordered_choice_of_classes_is_equally_likely() -> None:
    classes = column(FixedSampler(2, 1, 1).sample(pool([3] * 5), 8000), "classes")
    table = counts(classes[:, 0], classes[:, 1])
    assert not table.diagonal().any()
    assert chisquare(table[~np.eye(5, dtype=bool)]).pvalue > UNLIKELY


@pytest.mark.parametrize("part", ["support", "query"])
def test_images_are_drawn_uniformly(many: EpisodeSet, part: str) -> None:
    times = np.bincount(getattr(many, part), minlength=42)
    assert len(times) == 42
    assert chisquare(times).pvalue > UNLIKELY


def test_images_of_large_and_small_classes_are_drawn_uniformly_within_each() -> None:
    data = labelled([3, 9, 5])
    drawn = FixedSampler(2, 1, 1).sample(ClassPool(data, "test"), 6000)
    times = np.bincount(drawn.support, minlength=17)
    assert all(chisquare(times[data.labels == c]).pvalue > UNLIKELY for c in range(3))
    assert chisquare([times[data.labels == c].sum() for c in range(3)]).pvalue > UNLIKELY


def test_queries_are_shuffled(many: EpisodeSet) -> None:
    slots = column(many, "query_labels")
    positions = np.broadcast_to(np.arange(12), slots.shape)
    assert seems_independent(positions, slots)
    neighbours = (slots[:, 1:] == slots[:, :-1]).mean()
    assert neighbours == pytest.approx(2 / 11, abs=0.005)


def test_the_order_of_queries_tells_nothing_about_the_choice_of_classes(many: EpisodeSet) -> None:
    assert seems_independent(column(many, "classes")[:, 0], column(many, "query_labels")[:, 0])


def test_successive_episodes_are_independent(many: EpisodeSet) -> None:
    first = column(many, "classes")[:, 0]
    assert seems_independent(first[:-1], first[1:])


@pytest.mark.parametrize(
    ("sizes", "sampler", "message"),
    [
        (
            [20, 20, 20],
            FixedSampler(),
            "5-way needs 5 classes and split 'test' of toy has 3; use --way 3 or fewer.",
        ),
        (
            [20, 7, 20],
            FixedSampler(3, 5, 15),
            "5-shot with 15 queries needs 20 images of a class and 'class 1' in split 'test' of "
            "toy has 7; use --query 2 or fewer.",
        ),
        ([20, 5], FixedSampler(2, 5, 15), "has 5; use fewer shots, or leave the class out."),
        (
            [20, 20],
            FixedSampler(2, 0, 300, unlabelled=2),
            "0-shot with 300 queries and 2 unlabelled images needs 302 images of a class and "
            "'class 0' in split 'test' of toy has 20; use --query 18 or fewer.",
        ),
        (
            [20, 20],
            FixedSampler(2, 0, 30, unlabelled=200),
            "has 20; use --shot, --query and --unlabelled that make 20 or fewer together.",
        ),
        ([20, 20], FixedSampler(way=10**21), "toy has 2; use --way 2 or fewer."),
        ([20, 20], FixedSampler(2, 1, 10**21), "toy has 20; use --query 19 or fewer."),
        (
            [20, 20],
            FixedSampler(2, 1, 15, unlabelled=10**21),
            "toy has 20; use --unlabelled 4 or fewer.",
        ),
        ([20, 0], FixedSampler(2, 0, 1), "has 0; use fewer shots, or leave the class out."),
    ],
    ids=[
        "too few classes",
        "too many queries",
        "too many shots",
        "empty class",
        "too many queries beside a pool",
        "too many queries and too large a pool",
        "an absurd way",
        "an absurd query",
        "an absurd pool",
    ],
)
def test_what_the_pool_cannot_supply_is_refused_with_a_cure(sizes, sampler, message) -> None:
    with pytest.raises(BenchbenchError) as caught:
        sampler.sample(pool(sizes), 1)
    assert str(caught.value).endswith(message)


def test_the_cure_works() -> None:
    assert len(FixedSampler(3, 5, 2).sample(pool([20, 7, 20]), 1)) == 1


@pytest.mark.parametrize("classes", [0, 1])
def test_no_cure_is_promised_where_there_is_none(classes: int) -> None:
    split = {"test": np.arange(classes)}
    with pytest.raises(BenchbenchError, match=f"has {classes}") as caught:
        FixedSampler().sample(pool([20, 20], splits=split), 1)
    assert "--way" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, -1, 15), (5, 1, 0)])
def test_impossible_shapes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="needs way >= 2, shot >= 0 and query >= 1"):
        FixedSampler(*shape)


def test_an_unknown_replacement_is_refused() -> None:
    with pytest.raises(ValueError, match="needs replacement images or none"):
        FixedSampler(replacement="some")  # type: ignore[arg-type]


def test_protocol_and_shape() -> None:
    assert FixedSampler().protocol == "5way-1shot-15query"
    assert FixedSampler(20, 5, 1).shape == (20, 5, 1)
    assert FixedSampler(replacement="none").protocol == "5way-1shot-15query-disjoint"
