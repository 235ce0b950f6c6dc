"""Pixels that remember what was read, and those that were kept of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.errors import MethodError
from benchbench.prediction.kept_images import KeptPixels, WatchedPixels

TOTAL = 9
IMAGES = np.arange(TOTAL * 4, dtype=np.uint8).reshape(TOTAL, 2, 2, 1)

ids = st.lists(st.integers(0, TOTAL - 1), max_size=2 * TOTAL)


@given(first=ids, second=ids)
def test_what_was_read_can_be_read_again(first: list[int], second: list[int]) -> None:
    watched = WatchedPixels(IMAGES)
    for index in (first, second):
        wanted = np.array(index, np.int64)
        np.testing.assert_array_equal(watched[wanted], IMAGES[wanted])
    assert watched.read.tolist() == sorted({*first, *second})
    kept = KeptPixels(TOTAL, watched.read, IMAGES[watched.read])
    assert kept.shape == IMAGES.shape
    for index in (first, second):
        wanted = np.array(index, np.int64)
        np.testing.assert_array_equal(kept[wanted], IMAGES[wanted])


@given(index=ids, other=st.integers(0, TOTAL - 1))
def test_an_image_that_was_not_kept(index: list[int], other: int) -> None:
    held = np.array(sorted({*index} - {other}), np.int64)
    with pytest.raises(MethodError, match="has not read before"):
        KeptPixels(TOTAL, held, IMAGES[held])[np.array([other])]


def test_slices_and_masks_are_noticed() -> None:
    watched = WatchedPixels(IMAGES)
    _ = watched[2:4]
    _ = watched[np.arange(TOTAL) == 7]
    assert watched.read.tolist() == [2, 3, 7]
