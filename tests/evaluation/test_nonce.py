"""What is derived from a run's secret."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchbench.evaluation.nonce import Nonce

SALT = b"salt"


def test_a_nonce_belongs_to_its_run_and_its_salt() -> None:
    nonce = Nonce.derived(SALT, "0123abcd")
    assert nonce.hex == Nonce.derived(SALT, "0123abcd").hex
    others = {Nonce.derived(SALT, "other").hex, Nonce.derived(b"other", "0123abcd").hex}
    assert nonce.hex not in others
    assert len(bytes.fromhex(nonce.hex)) == 16


def test_a_long_salt_is_taken() -> None:
    assert Nonce.derived(b"x" * 1000, "run").hex == Nonce.derived(b"x" * 64, "run").hex


def test_known_numbers() -> None:
    """Runs of the same salt are the same for ever."""
    nonce = Nonce.derived(SALT, "0123abcd")
    assert nonce.hex == "703411d0d8593389ed6e1c91deb1ac2c"
    assert nonce.number("seed", 3) == 57172149624915053
    assert nonce.order(6, "queries", 0).tolist() == [2, 0, 5, 4, 3, 1]


@given(st.integers(0, 300), st.integers(0, 10**6))
def test_an_order_is_a_permutation(count: int, number: int) -> None:
    order = Nonce(b"secret").order(count, "queries", number)
    assert np.array_equal(np.sort(order), np.arange(count))


@given(st.integers(0, 10**6), st.integers(1, 16))
def test_a_number_has_its_size(number: int, size: int) -> None:
    assert 0 <= Nonce(b"secret").number("seed", number, size=size) < 256**size


def test_each_purpose_has_its_own_numbers() -> None:
    nonce = Nonce(b"secret")
    numbers = {nonce.number("seed", number) for number in range(1000)}
    assert len(numbers) == 1000
    assert nonce.number("queries", 0) not in numbers
    assert nonce.number("ids", size=16) not in numbers
    assert nonce.order(50, "queries", 0).tolist() != nonce.order(50, "queries", 1).tolist()


def test_orders_are_even() -> None:
    """The first query lies at each place equally often."""
    nonce = Nonce(b"secret")
    places = [int(np.argmin(nonce.order(5, "queries", number))) for number in range(2000)]
    counts = np.bincount(places, minlength=5)
    assert ((counts - 400) ** 2 / 400).sum() < 18.5, "chi-squared of 4 degrees, 0.001"
