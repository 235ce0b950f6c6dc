"""The scale of deep greys: by their range, in whole numbers and fractions, in either byte order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.image_bytes import grey

from benchbench.datasets.reading.deep_greys import (
    SIXTEEN_BITS,
    GreyRange,
    is_deep,
    range_of,
    scale_of,
)


@pytest.mark.parametrize(
    ("high", "name", "half"),
    [
        (1, "1 bit", 0),
        (3, "2 bits", 85),
        (15, "4 bits", 119),
        (255, "8 bits", 127),
        (900, "10 bits", 112),
        (1023, "10 bits", 127),
        (4095, "12 bits", 127),
        (10_000, "14 bits", 78),
        (16_384, "16 bits", 32),
        (65_535, "16 bits", 127),
        (100_000, "0 to 100000", 128),
    ],
)
def test_the_least_depth_that_holds_the_largest_value(high: int, name: str, half: int) -> None:
    scale = scale_of([GreyRange(5, 9), GreyRange(0, high)] if high > 9 else [GreyRange(0, high)])
    assert scale.name == name
    values = np.asarray(scale.grey(grey([[0, high // 2, high]], np.int32)))[0].tolist()
    assert values[:2] == [0, half]


@pytest.mark.parametrize(
    ("low", "high", "fractions", "name", "values"),
    [
        (0, 1, True, "0 to 1", [0, 128, 255]),
        (0.2, 0.8, True, "0 to 1", [51, 128, 204]),
        (0, 255, False, "8 bits", [0, 128, 255]),
        (0, 200.5, True, "8 bits", [0, 100, 200]),
        (-1, 1, True, "-1 to 1", [0, 128, 255]),
        (-5, -5, True, "-5 to -4", [0, 0, 0]),
        (0, 1e6, True, "0 to 1e+06", [0, 128, 255]),
    ],
)
def test_floating_point_numbers(low, high, fractions, name, values) -> None:
    scale = scale_of([GreyRange(low, high, fractions)])
    assert scale.name == name
    image = grey([[low, (low + high) / 2, high]], np.float32)
    found = np.asarray(scale.grey(image)).astype(int)[0]
    assert np.abs(found - values).max() <= 1


def test_sixteen_bits_are_their_upper_eight() -> None:
    values = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(
        np.asarray(SIXTEEN_BITS.grey(grey(values, np.uint16))), values >> 8
    )


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L", "I", "F"])
def test_ranges_and_greys_in_every_mode(mode: str) -> None:
    order = ">u2" if mode == "I;16B" else "<u2"
    dtype = {"I": "i4", "F": "f4"}.get(mode, order)
    values = np.array([[3, 700], [1000, 64]]).astype(dtype)
    image = Image.frombytes(mode, (2, 2), values.tobytes())
    assert is_deep(image)
    found = range_of(image)
    assert found == GreyRange(3, 1000)
    assert np.asarray(scale_of([found]).grey(image)).tolist() in (
        [[0, 175], [250, 16]],
        [[1, 174], [249, 16]],  # rounded, of floating-point numbers
    )


def test_what_is_no_number_is_black_and_does_not_count() -> None:
    image = grey([[math.nan, 0.25, math.inf, 1.0]], np.float32)
    found = range_of(image)
    assert found == GreyRange(0.25, 1.0, True)
    assert np.asarray(scale_of([found]).grey(image)).tolist() == [[0, 64, 255, 255]]
    assert range_of(grey([[math.nan]], np.float32)) is None
    assert scale_of([]) == SIXTEEN_BITS


@given(st.lists(st.integers(-70_000, 140_000), min_size=1, max_size=9))
def test_order_and_ends_are_kept(values: list[int]) -> None:
    image = grey([values], np.int32)
    found = range_of(image)
    assert found is not None
    greys = np.asarray(scale_of([found]).grey(image))[0].astype(int)
    assert np.all(np.diff(greys[np.argsort(values)]) >= 0)
    assert scale_of([found, GreyRange(0, 255)]).low <= min(values)
