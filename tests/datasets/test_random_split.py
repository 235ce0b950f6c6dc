"""Classes dealt out at random: each once, by the shares and the seed alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.datasets.base import SPLITS
from benchbench.datasets.random_split import check_shares, deal_classes

SHARES = st.floats(0, 0.5)


@given(st.integers(1, 200), SHARES, SHARES, st.integers(0, 2**32))
def test_each_class_is_dealt_once(classes: int, val: float, test: float, seed: int) -> None:
    dealt = deal_classes(classes, val, test, seed)
    assert list(dealt) == ["train", "val", "test"]
    assert sorted(np.concatenate(list(dealt.values())).tolist()) == list(range(classes))
    for ids in dealt.values():
        assert (np.diff(ids) > 0).all()


@given(st.integers(10, 200), SHARES, SHARES, st.integers(0, 2**32))
def test_shares_are_kept(classes: int, val: float, test: float, seed: int) -> None:
    counts = {split: len(ids) for split, ids in deal_classes(classes, val, test, seed).items()}
    least = min(5, classes // 2) if test > 0 else 0
    assert counts["test"] == max(least, round(test * classes))
    wanted = max(round(val * classes), int(val > 0))
    assert counts["val"] == min(wanted, classes - counts["test"])


def test_the_deal_of_a_seed_is_fixed() -> None:
    """Known answer: Philox is the same on every machine."""
    dealt = deal_classes(12, 0.15, 0.3, 0)
    ids = [dealt[split].tolist() for split in SPLITS]
    assert ids == [[0, 1, 2, 9, 11], [5, 8], [3, 4, 6, 7, 10]]
    assert deal_classes(12, 0.15, 0.3, 1)["test"].tolist() != dealt["test"].tolist()


@pytest.mark.parametrize("shares", [(-0.1, 0.3, 0), (0.1, -0.3, 0), (0.6, 0.5, 0), (0, 0, -1)])
def test_what_cannot_be_dealt_by(shares: tuple[float, float, int]) -> None:
    with pytest.raises(ValueError, match=r"must be at least 0|are shares of the classes"):
        check_shares(*shares)
