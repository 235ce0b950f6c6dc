"""Perceptual hashes: the bits of an independent computation, and a search that misses no pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from benchbench.datasets.integrity import hashes
from benchbench.datasets.integrity.hashes import averaging, greys, near, perceptual_hashes


def photographs(count: int, side: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth pictures uint8 [n, side, side, 1] that differ from each other."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (count, 6, 6)).astype(np.uint8)
    large = [Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC) for one in coarse]
    return np.stack([np.asarray(one) for one in large])[..., None]


def pairs_of(values: np.ndarray, distance: int) -> list[tuple[int, int]]:
    found = [np.stack(block, axis=1) for block in near(values, distance)]
    return sorted((min(pair), max(pair)) for block in found for pair in map(tuple, block.tolist()))


def test_the_bits_are_those_of_a_plain_computation() -> None:
    images = photographs(20)
    for image, found in zip(images, perceptual_hashes(images), strict=True):
        small = np.asarray(Image.fromarray(image[..., 0]).convert("F").resize((32, 32), 4))
        low = dctn(small.astype(np.float64), norm="ortho")[:8, :8].ravel()
        bits = "".join("01"[int(value > np.median(low))] for value in low)
        assert bin(int(bits, 2) ^ int(found)).count("1") <= 1  # Pillow sums in single precision


def test_brightness_contrast_and_size_leave_the_hash_nearly_alone() -> None:
    images = photographs(30, side=96)
    original = perceptual_hashes(images)
    paler = perceptual_hashes((images * 0.7 + 50).astype(np.uint8))
    halved = images.reshape(30, 48, 2, 48, 2, 1).mean(axis=(2, 4)).astype(np.uint8)
    for changed in (paler, perceptual_hashes(halved)):
        assert hashes._bits(original ^ changed).max() <= 4
    assert np.median(hashes._bits(original ^ np.roll(original, 1))) > 20


def test_colour_counts_by_its_grey() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    expected = colour @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(greys(colour), expected, atol=1e-3)
    np.testing.assert_array_equal(greys(colour[..., :1]), colour[..., 0])


def test_an_image_of_one_pixel_has_a_hash() -> None:
    assert perceptual_hashes(np.full((2, 1, 1, 3), 7, np.uint8)).shape == (2,)


@pytest.mark.parametrize(("length", "parts"), [(8, 4), (4, 4), (3, 7), (100, 32), (1, 5), (28, 32)])
def test_averaging_goes_by_area(length: int, parts: int) -> None:
    matrix = averaging(length, parts)
    assert matrix.shape == (parts, length)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(matrix.sum(axis=0), parts / length)
    values = np.random.default_rng(0).random(length)
    fine = values.repeat(parts).reshape(parts, length).mean(axis=1)  # parts * length equal pieces
    np.testing.assert_allclose(matrix @ values, fine)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 12),
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([0, 1, 2, 5, 9, 14]), min_size=2, max_size=60),
)
def test_every_near_pair_is_found_once(distance: int, seed: int, flips: list[int]) -> None:
    """Against all pairs one by one; the hashes lie around three centres."""
    rng = np.random.default_rng(seed)
    centres = [int(value) for value in rng.integers(0, 2**63, 3)]
    values = []
    for position, count in enumerate(flips):
        mask = sum(1 << int(bit) for bit in rng.choice(64, count, replace=False))
        values.append(centres[position % 3] ^ mask)
    expected = [
        (one, other)
        for other in range(len(values))
        for one in range(other)
        if bin(values[one] ^ values[other]).count("1") <= distance
    ]
    assert pairs_of(np.array(values, np.uint64), distance) == sorted(expected)


def test_large_buckets_are_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 32, 100).astype(np.uint64)
    whole = pairs_of(values, 2)
    monkeypatch.setattr(hashes, "ROWS_AT_ONCE", 7)
    assert pairs_of(values, 2) == whole
    assert len(set(whole)) == len(whole) > 1000


def test_bits_are_counted_without_numpy_2_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 2**64, (5, 6), dtype=np.uint64)
    expected = [[bin(int(value)).count("1") for value in row] for row in values]
    np.testing.assert_array_equal(hashes._bits(values), expected)
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    np.testing.assert_array_equal(hashes._bits(values), expected)
