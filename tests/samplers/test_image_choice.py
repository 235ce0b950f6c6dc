"""Images of a class, and groups that are not torn apart."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import UNLIKELY, several
from scipy.stats import chisquare

from benchbench.samplers.image_choice import ClassImages, GroupedImages, separable, set_aside
from benchbench.system.randomness import Numbers


def test_images_come_once_each() -> None:
    images = ClassImages(np.arange(100, 108), query=3)
    uniform = np.random.default_rng(0).random(8)
    assert (images.room, images.left) == (5, 8)
    support = images.support(uniform[:5])
    assert images.left == 3
    query = images.query(uniform[5:])
    assert sorted([*support, *query]) == list(range(100, 108))
    assert images.left == 0


def test_any_image_is_as_likely_in_the_support_as_in_the_query() -> None:
    rng = np.random.default_rng(4)
    drawn = [ClassImages(np.arange(7), 2) for _ in range(5000)]
    support = np.concatenate([images.support(rng.random(3)) for images in drawn])
    query = np.concatenate([images.query(rng.random(2)) for images in drawn])
    assert chisquare(np.bincount(support, minlength=7)).pvalue > UNLIKELY
    assert chisquare(np.bincount(query, minlength=7)).pvalue > UNLIKELY


def can_be_shared_out(sizes: list[int], support: int, query: int) -> bool:
    """By trying all ways of dealing the groups to two sides."""
    return any(
        sum(s for s, side in zip(sizes, sides, strict=True) if side) >= query
        and sum(s for s, side in zip(sizes, sides, strict=True) if not side) >= support
        for sides in product([False, True], repeat=len(sizes))
    )


group_sizes = st.lists(st.integers(1, 9), min_size=1, max_size=7)


@several
@given(group_sizes, st.integers(0, 20), st.integers(0, 20))
def test_separable_is_what_trying_all_says(sizes: list[int], support: int, query: int) -> None:
    assert separable(sizes, support, query) == can_be_shared_out(sizes, support, query)


@pytest.mark.parametrize(
    ("sizes", "support", "query", "expected"),
    [
        ([30, 30], 30, 10, True),
        ([30], 1, 10, False),
        ([1, 29], 1, 10, True),  # only the large one can be asked
        ([1, 29], 2, 10, False),
        ([20, 20], 21, 10, False),  # 40 images, but no side has 21 while the other has any
        ([5, 5], 0, 10, True),
    ],
)
def test_known_divisions(sizes, support, query, expected) -> None:
    assert separable(sizes, support, query) is expected


@st.composite
def divisions(draw: st.DrawFn) -> tuple[list[int], int, int]:
    asked, kept = draw(group_sizes), draw(group_sizes)
    support, query = draw(st.integers(0, sum(kept))), draw(st.integers(1, sum(asked)))
    return draw(st.permutations([*asked, *kept])), support, query


@several
@given(divisions(), st.integers(0, 2**32))
def test_what_is_set_aside_is_enough_and_no_more_than_needed(division, seed: int) -> None:
    sizes, support, query = np.array(division[0]), *division[1:]
    aside = set_aside(sizes, support, query, np.random.default_rng(seed).random(len(sizes)))
    assert sizes[aside].sum() >= query
    assert sizes[~aside].sum() >= support
    assert sizes[aside].sum() - sizes[aside].max() < query


def test_groups_of_one_size_are_set_aside_alike() -> None:
    rng = np.random.default_rng(5)
    asides = [set_aside(np.array([3] * 6), 6, 5, rng.random(6)) for _ in range(3000)]
    assert {int(aside.sum()) for aside in asides} == {2}
    assert chisquare(np.sum(asides, axis=0)).pvalue > UNLIKELY


@several
@given(divisions(), st.integers(0, 2**32))
def test_no_group_is_on_both_sides(division, seed: int) -> None:
    sizes, support, query = division
    rng = np.random.default_rng(seed)
    keys = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = rng.permutation(1000)[: len(keys)]
    images = GroupedImages(rows, keys, support, query, Numbers(rng.random(len(sizes))))
    assert images.room >= support
    drawn = images.support(rng.random(support))
    assert images.left >= query
    asked = images.query(rng.random(images.left))
    assert len(set(drawn)) == support
    key_of = dict(zip(rows.tolist(), keys.tolist(), strict=True))
    untouched = set(keys) - {key_of[row] for row in drawn.tolist()}
    assert sorted(asked) == sorted(row for row, key in key_of.items() if key in untouched)
    assert images.left == 0
