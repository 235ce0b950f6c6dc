"""Unlabelled images of an episode: whose they are, in what order, and that the rest stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import assert_sound, labelled, pool, seems_independent, several

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, FixedSampler

SIZES = [9, 12, 8, 10, 9, 11]

FROZEN_SHA256 = "8eda0e813891e68c14330e8ae656cbdd57f9b01ca5f95ab31cc09507fd57cc71"
"""Of four episodes of three classes with a pool, as it was when there first were pools."""


def with_pool(**changes: object) -> FixedSampler:
    return replace(FixedSampler(3, 2, 3, unlabelled=2, distractors=2), **changes)  # type: ignore[arg-type]


def test_the_pools_are_frozen() -> None:
    assert with_pool().sample(pool(SIZES), 4).sha256 == FROZEN_SHA256


@several
@given(
    st.integers(0, 2),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from(["uniform", "hierarchy"]),
    st.integers(0, 2**40),
)
def test_support_and_queries_stay_and_the_pool_is_of_other_images(
    shot: int, unlabelled: int, distractors: int, classes: str, seed: int
) -> None:
    data = labelled(SIZES, hierarchy=[("one",)] * 6)
    there = ClassPool(data, "test")
    plain = FixedSampler(3, shot, 3, classes=classes)  # type: ignore[arg-type]
    sampler = replace(plain, unlabelled=unlabelled, distractors=distractors)
    drawn = sampler.sample(there, 3, seed)
    assert drawn.pool == unlabelled * (3 + distractors)
    for episode, without in zip(drawn, plain.sample(there, 3, seed), strict=True):
        assert_sound(episode, data)
        bare = replace(episode, unlabelled=np.empty(0, np.int64))
        assert bare.id == without.id != episode.id
        images = np.concatenate([episode.support, episode.query, episode.unlabelled])
        assert len(set(images.tolist())) == len(images)
        of_class = np.bincount(data.labels[episode.unlabelled], minlength=6)
        assert (of_class[episode.classes] == unlabelled).all()
        assert sorted(of_class[of_class > 0]) == [unlabelled] * (3 + distractors)


@several
@given(st.integers(0, 3000), st.integers(1, 4), st.integers(0, 2**63))
def test_a_pool_is_the_same_alone_and_among_many(start: int, count: int, seed: int) -> None:
    alone = with_pool().sample(pool(SIZES), count, seed, start=start)
    among = with_pool().sample(pool(SIZES), start + count, seed) if start < 30 else None
    again = with_pool().sample(pool(SIZES), count + 1, seed, start=start)
    assert [e.id for e in alone] == [e.id for e in again][:count]
    if among is not None:
        assert [e.id for e in alone] == [among[start + i].id for i in range(count)]


def test_the_place_in_a_pool_tells_nothing() -> None:
    data = labelled(SIZES)
    drawn = with_pool().sample(ClassPool(data, "test"), 4000)
    order = drawn.unlabelled.reshape(len(drawn), -1)
    places = np.broadcast_to(np.arange(order.shape[1]), order.shape)
    # Of the slot, or 3 for a distractor; and of the image.
    labels, classes = data.labels[order], drawn.classes.reshape(len(drawn), -1)
    own = labels[..., None] == classes[:, None]
    assert seems_independent(places, np.where(own.any(2), own.argmax(2), 3))
    assert seems_independent(places, order)


def test_the_images_of_a_class_are_all_as_likely() -> None:
    drawn = FixedSampler(2, 1, 1, unlabelled=1, distractors=1).sample(pool([4, 4, 4]), 6000)
    times = np.bincount(drawn.unlabelled, minlength=12)
    assert times.sum() == 18_000
    np.testing.assert_allclose(times, 1500, atol=4 * np.sqrt(1500))


@pytest.mark.parametrize(
    ("sizes", "changes", "message"),
    [
        (
            [9, 7, 9, 9, 9],
            {"unlabelled": 3},
            "has 7; use --query 2 or fewer, or --unlabelled 2 or fewer",
        ),
        ([9, 5, 9, 9, 9], {"unlabelled": 2}, "has 5; use --query 1 or fewer."),
        ([9, 9, 9, 9], {}, "needs 5 classes and split 'test' of toy has 4; use --distractors 1"),
    ],
)
def test_too_few_images_or_classes_are_refused_with_a_cure(sizes, changes, message) -> None:
    with pytest.raises(BenchbenchError, match=message):
        with_pool(**changes).sample(pool(sizes), 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"unlabelled": 0},
        {"unlabelled": -1},
        {"replacement": "none"},
        {"prior": "natural"},
        {"separate_groups": True},
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="unlabelled"):
        with_pool(**changes)


def test_the_protocol_says_what_the_pool_is_and_papers_draw_without() -> None:
    assert with_pool().protocol == "3way-2shot-3query-2unlabelled-2distractors"
    assert with_pool(distractors=0).protocol == "3way-2shot-3query-2unlabelled"
    assert not with_pool().standard
    assert FixedSampler().standard


def test_a_set_with_a_pool_is_saved_cut_and_known_by_it(tmp_path) -> None:
    drawn = with_pool().sample(pool(SIZES), 5)
    drawn.save(tmp_path / "pools.npz")
    again = EpisodeSet.load(tmp_path / "pools.npz")
    assert again == drawn
    assert again[4].unlabelled.tolist() == drawn[4].unlabelled.tolist()
    assert drawn.head(2) == with_pool().sample(pool(SIZES), 2)
    other = drawn.unlabelled.copy()
    other[[0, 1]] = other[[1, 0]]
    assert replace(drawn, unlabelled=other) != drawn
