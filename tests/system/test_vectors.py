"""Vectors in the form of images: the same bits back, and no picture taken for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchbench.system.vectors import are_vectors, as_images, of_images

SHAPES = st.tuples(st.integers(0, 5), st.integers(1, 7))


@given(arrays.arrays(np.float32, SHAPES))
def test_the_same_bits_come_back(vectors) -> None:
    images = as_images(vectors)
    assert images.dtype == np.uint8
    assert images.shape == (len(vectors), 1, vectors.shape[1], 4)
    assert of_images(images).tobytes() == vectors.tobytes()


def test_a_number_is_its_bytes_little_endian() -> None:
    assert as_images(np.array([[1.0]])).tolist() == [[[[0, 0, 0x80, 0x3F]]]]


def test_rows_that_are_no_neighbours() -> None:
    vectors = np.arange(24, dtype=np.float16).reshape(6, 4)
    images = as_images(vectors)
    np.testing.assert_array_equal(of_images(images[::2]), vectors[::2])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 1280, 4), True), ((32, 32, 3), False), ((28, 28, 1), False), ((1, 5, 3), False)],
)
def test_what_is_a_vector(shape, expected) -> None:
    assert are_vectors(shape) is expected
