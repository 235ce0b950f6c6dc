"""Queries of none of an episode's classes: all else stays, and none of them is of the episode."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import UNLIKELY, assert_sound, column, labelled, pool, several
from scipy.stats import chisquare

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, FixedSampler, create_sampler

SIZES = [5, 4, 6, 5, 7, 4]

FROZEN_SHA256 = "7d6f253c65c5ebdb524f3d70eedfae387c9f200af4c9aa100365c87a9f3aad79"
"""Of four 3-way 1-shot 2-query episodes of `SIZES` with 5 unknown queries."""


def test_the_episodes_are_frozen() -> None:
    drawn = FixedSampler(3, 1, 2, unknown=5).sample(pool(SIZES), 4)
    assert drawn.protocol == "3way-1shot-2query-5unknown"
    assert drawn.sha256 == FROZEN_SHA256
    assert not drawn.standard


@several
@given(st.integers(1, 12), st.sampled_from(["balanced", "dirichlet"]), st.integers(0, 2**63))
def test_all_else_is_to_the_bit_what_it_is_without(unknown: int, prior, seed: int) -> None:
    six, sampler = pool(SIZES), FixedSampler(3, 1, 2, unknown=unknown, prior=prior)
    drawn, plain = sampler.sample(six, 6, seed), sampler.of_known.sample(six, 6, seed)
    for name in ("classes", "support", "support_labels", "query", "query_labels", "query_counts"):
        assert np.array_equal(getattr(drawn, name), getattr(plain, name))
    assert drawn.sha256 != plain.sha256
    assert not plain.has_unknown
    for episode in drawn:
        assert_sound(episode, labelled(SIZES))


@several
@given(st.integers(1, 12), st.integers(0, 2**63))
def test_they_are_of_other_classes_evenly_and_each_once(unknown: int, seed: int) -> None:
    data = labelled(SIZES)
    for episode in FixedSampler(3, 1, 2, unknown=unknown).sample(pool(SIZES), 5, seed):
        assert len(episode.unknown) == len(np.unique(episode.unknown)) == unknown
        classes, counts = np.unique(data.labels[episode.unknown], return_counts=True)
        assert not np.isin(classes, episode.classes).any()
        assert len(classes) == min(unknown, 3)
        full = counts == np.array(SIZES)[classes]  # a class may be used up
        assert ((counts >= counts.max() - 1) | full).all()


@several
@given(st.integers(0, 500), st.integers(1, 4), st.integers(0, 2**63))
def test_an_episode_is_the_same_alone_and_among_many(start: int, count: int, seed: int) -> None:
    sampler, six = FixedSampler(3, 1, 2, unknown=4), pool(SIZES)
    alone = sampler.sample(six, count, seed, start=start)
    among = sampler.sample(six, start + count + 2, seed)
    assert [e.id for e in alone] == [among[start + i].id for i in range(count)]


def test_each_image_of_other_classes_is_as_likely_at_each_place() -> None:
    data = labelled([4] * 6)
    drawn = FixedSampler(2, 1, 1, unknown=3).sample(ClassPool(data, "test"), 4000)
    for place in range(3):
        counts = np.bincount(column(drawn, "unknown")[:, place], minlength=len(data.labels))
        assert chisquare(counts).pvalue > UNLIKELY


def test_they_are_in_the_hash_the_file_the_head_and_the_totals(tmp_path) -> None:
    drawn = FixedSampler(3, 1, 2, unknown=5).sample(pool(SIZES), 6)
    drawn.save(tmp_path / "e.npz")
    again = EpisodeSet.load(tmp_path / "e.npz")
    assert again == drawn
    assert np.array_equal(again.unknown, drawn.unknown)
    assert again.unknown_shape == 5
    assert drawn.images_drawn == 6 * (3 + 6 + 5)
    assert drawn.head(2) == FixedSampler(3, 1, 2, unknown=5).sample(pool(SIZES), 2)
    episode = drawn[1]
    assert episode.asked.tolist() == [*episode.query, *episode.unknown]
    assert episode.asked_labels.tolist() == [*episode.query_labels, *[-1] * 5]


@pytest.mark.parametrize(
    ("sampler", "sizes", "says"),
    [
        (FixedSampler(4, 1, 1, unknown=1), [3, 3, 3, 3], "4 for 4-way; use --way 3 or fewer"),
        (FixedSampler(2, 1, 1, unknown=6), [3, 9, 2, 9], "may have 5 images; use --unknown 5"),
    ],
)
def test_too_few_other_images_are_refused_with_a_cure(sampler, sizes, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        sampler.sample(pool(sizes), 1)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(BenchbenchError, match="unknown queries only with replacement=images"):
        create_sampler("fixed[unknown=3]", replacement="none")
    with pytest.raises(BenchbenchError, match="has no --unknown"):
        create_sampler("meta_dataset", unknown=3)


@several
@given(st.integers(1, 10), st.integers(1, 2), st.integers(0, 2), st.integers(0, 2**63))
def test_a_pool_and_unknown_queries_share_no_image_and_no_other_class(
    unknown: int, unlabelled: int, distractors: int, seed: int
) -> None:
    """Six classes: three of the episode, and at least one that distracts nobody."""
    data, six = labelled(SIZES), pool(SIZES)
    both = FixedSampler(
        3, 1, 1, unlabelled=unlabelled, distractors=distractors, unknown=min(unknown, 4)
    )
    drawn = both.sample(six, 4, seed)
    of_pool = replace(both, unknown=0).sample(six, 4, seed)
    of_unknown = replace(both, unlabelled=0, distractors=0).sample(six, 4, seed)
    for name in ("classes", "support", "query", "query_labels", "unlabelled", "unlabelled_counts"):
        assert np.array_equal(getattr(drawn, name), getattr(of_pool, name))
    if not distractors:
        assert np.array_equal(drawn.unknown, of_unknown.unknown)
    for episode in drawn:
        assert_sound(episode, data)
        images = [*episode.support, *episode.query, *episode.unlabelled, *episode.unknown]
        assert len(set(images)) == len(images)
        shown = {*episode.classes.tolist(), *data.labels[episode.unlabelled].tolist()}
        assert len(shown) == 3 + distractors
        assert not shown & {*data.labels[episode.unknown].tolist()}
    hashes = {drawn.sha256, of_pool.sha256, of_unknown.sha256}
    assert len(hashes) == 3


def test_a_pool_and_unknown_queries_are_in_the_protocol_the_file_and_the_hash(tmp_path) -> None:
    sampler = FixedSampler(3, 1, 1, unlabelled=2, distractors=1, unknown=4)
    assert sampler.protocol == "3way-1shot-1query-2unlabelled-1distractors-4unknown"
    drawn = sampler.sample(pool(SIZES), 5)
    drawn.save(tmp_path / "e.npz")
    again = EpisodeSet.load(tmp_path / "e.npz")
    assert again == drawn
    assert again[3] == drawn[3]
    assert drawn.head(2) == sampler.sample(pool(SIZES), 2)
    assert again[3] == sampler.sample(pool(SIZES), 1, start=3)[0]


def test_classes_that_distract_are_none_of_the_unknown() -> None:
    sampler = FixedSampler(3, 1, 1, unlabelled=1, distractors=3, unknown=1)
    with pytest.raises(BenchbenchError, match="with 3 distractor classes; use --distractors 2"):
        sampler.sample(pool(SIZES), 1)
    sampler = FixedSampler(3, 1, 1, unlabelled=1, distractors=2, unknown=5)
    with pytest.raises(BenchbenchError, match="may have 4 images; use --unknown 4"):
        sampler.sample(pool(SIZES), 1)
