"""Random numbers by episode, and choices made of them."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import UNLIKELY, several
from scipy.stats import chisquare, kstest, spearmanr

from benchbench.samplers import choose
from benchbench.system.randomness import (
    DRAWN_AT_ONCE,
    AddressedStream,
    Numbers,
    Permutation,
    permutation,
)


@several
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 9), st.data())
def test_a_row_of_a_stream_is_independent_of_its_block(start, count, width, data) -> None:
    block = AddressedStream(seed=1).uniform(start, start + count, width)
    assert block.shape == (count, width)
    row = data.draw(st.integers(0, count - 1))
    alone = AddressedStream(seed=1).uniform(start + row, start + row + 1, width)
    np.testing.assert_array_equal(block[row], alone[0])


def test_rows_of_a_stream_do_not_repeat() -> None:
    numbers = AddressedStream(seed=1).uniform(0, 1000, 5)
    assert len(np.unique(numbers)) == numbers.size


def test_streams_are_uniform_and_unrelated() -> None:
    first, second = (AddressedStream(seed=seed).uniform(0, 5000, 3).ravel() for seed in (0, 1))
    assert kstest(first, "uniform").pvalue > UNLIKELY
    assert spearmanr(first, second).pvalue > UNLIKELY
    assert 0 <= first.min() < first.max() < 1


def test_a_stream_does_not_depend_on_the_order_in_which_its_origin_is_told() -> None:
    one, other = AddressedStream(seed=1, split="test"), AddressedStream(split="test", seed=1)
    np.testing.assert_array_equal(one.uniform(0, 2, 3), other.uniform(0, 2, 3))


@pytest.mark.parametrize(("population", "size"), [(4, 2), (5, 3), (4, 4), (3, 1)])
def test_choose_makes_every_ordered_choice_equally_often(population: int, size: int) -> None:
    uniform = np.random.default_rng(0).random((2, 30_000, size))
    chosen = choose(uniform[0], population, uniform[1])
    seen, times = np.unique(chosen, axis=0, return_counts=True)
    assert sorted(map(tuple, seen.tolist())) == sorted(permutations(range(population), size))
    assert size == population == 1 or chisquare(times).pvalue > UNLIKELY


@several
@given(st.integers(1, 6), st.integers(0, 20), st.integers(0, 2**32))
def test_choose_takes_each_row_from_its_own_population(size: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    populations = size + rng.integers(0, more + 1, 8)
    chosen = choose(rng.random((8, size)), populations, rng.random((8, size)))
    for row, population in zip(chosen.tolist(), populations, strict=True):
        assert len(set(row)) == size
        assert min(row) >= 0
        assert max(row) < population


def test_each_hands_out_the_rows_of_a_stream() -> None:
    stream, last = AddressedStream(seed=2), 2 * DRAWN_AT_ONCE + 3
    rows = [numbers.take(5) for numbers in stream.each(1, last, 5)]
    np.testing.assert_array_equal(rows, stream.uniform(1, last, 5))


def test_numbers_are_handed_out_once_and_never_too_few() -> None:
    numbers = Numbers(np.array([0.1, 0.5, 0.999, 0.3]))
    assert numbers.take(1).tolist() == [0.1]
    assert [numbers.below(10), numbers.below(10)] == [5, 9]
    assert numbers.take(0).tolist() == []
    with pytest.raises(IndexError, match="more than 4 random numbers"):
        numbers.take(2)


def test_the_permutation_of_a_key_and_a_counter_is_fixed() -> None:
    """Known answers: Philox is the same on every machine."""
    assert permutation(10, key=0).tolist() == [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    assert permutation(10, key=0, counter=1 << 64).tolist() == [0, 1, 9, 6, 5, 3, 7, 8, 2, 4]
    assert permutation(5, key=2**127).tolist() == [2, 1, 0, 4, 3]


@pytest.mark.parametrize(("population", "size"), [(4, 2), (5, 3), (4, 4), (3, 1)])
def test_a_permutation_begins_with_every_choice_equally_often(population: int, size: int) -> None:
    uniform = np.random.default_rng(1).random((30_000, size))
    begun = [Permutation(population).take(row) for row in uniform]
    seen, times = np.unique(begun, axis=0, return_counts=True)
    assert sorted(map(tuple, seen.tolist())) == sorted(permutations(range(population), size))
    assert size == population == 1 or chisquare(times).pvalue > UNLIKELY


@several
@given(st.integers(1, 40), st.data())
def test_a_permutation_in_parts_is_that_in_one(population: int, data: st.DataObject) -> None:
    unit = st.floats(0, 1, exclude_max=True)
    uniform = np.array(data.draw(st.lists(unit, min_size=population, max_size=population)))
    whole, parts = Permutation(population).take(uniform), Permutation(population)
    cut = data.draw(st.integers(0, population))
    assert parts.take(uniform[:cut]) + parts.take(uniform[cut:]) == whole
    assert sorted(whole) == list(range(population))


def test_a_permutation_of_many_takes_only_what_is_asked() -> None:
    below_one = np.nextafter(1, 0)
    assert Permutation(10**15).take(np.array([below_one, below_one])) == [10**15 - 1, 0]
