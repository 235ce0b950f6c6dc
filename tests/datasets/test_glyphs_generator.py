"""The glyphs data set: its exact bits, and the properties that make it a few-shot problem."""

import hashlib
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from benchbench.datasets.glyphs_generator import (
    DRAWERS,
    SIDE,
    SPLITS,
    alphabet_splits,
    draw_alphabet,
)

GOLDEN = "c5bbb1c771c59e13183ede01251fd8ce277f8b2f8808b990c7108af5a218c248"


@pytest.fixture(scope="module")
def glyphs() -> list[NDArray[np.uint8]]:
    """By alphabet, [characters, DRAWERS, SIDE, SIDE]"""
    return [draw_alphabet(0, index) for index in range(len(alphabet_splits()))]


@pytest.fixture(scope="module")
def images(glyphs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """[characters of all alphabets, DRAWERS, SIDE, SIDE]"""
    return np.concatenate(glyphs)


def ink_pixels(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Ink per image, in fully covered pixels."""
    return np.asarray(images.sum(axis=(-2, -1), dtype=np.int64) / 255)


def test_pixels_are_the_published_ones(images: NDArray[np.uint8]) -> None:
    assert images.shape == (1437, DRAWERS, SIDE, SIDE)
    assert images.dtype == np.uint8
    assert hashlib.sha256(images.tobytes()).hexdigest() == GOLDEN


def test_an_alphabet_depends_on_nothing_but_seed_and_index(glyphs: list[NDArray[np.uint8]]) -> None:
    for index in (40, 3):
        np.testing.assert_array_equal(draw_alphabet(0, index), glyphs[index])


def test_seeds_differ_in_pixels_but_not_in_shape() -> None:
    first, second = draw_alphabet(1, 0), draw_alphabet(2**64 - 1, 0)
    assert first.shape == second.shape
    assert not np.array_equal(first, second)


def test_splits(glyphs: list[NDArray[np.uint8]]) -> None:
    characters = dict.fromkeys(SPLITS, 0)
    for split, alphabet in zip(alphabet_splits().values(), glyphs, strict=True):
        assert 20 <= len(alphabet) <= 40
        characters[split] += len(alphabet)
    assert characters == {"train": 888, "val": 122, "test": 427}


def test_no_two_images_are_equal(images: NDArray[np.uint8]) -> None:
    drawings = images.reshape(-1, SIDE * SIDE)
    assert len({drawing.tobytes() for drawing in drawings}) == len(drawings)


def test_ink_is_within_bounds_and_off_the_border(images: NDArray[np.uint8]) -> None:
    per_image = ink_pixels(images)
    per_class = per_image.mean(axis=1)
    assert per_image.min() > 20
    assert per_image.max() < 300
    assert per_class.min() > 40
    assert per_class.max() < 200
    border = np.ones((SIDE, SIDE), bool)
    border[1:-1, 1:-1] = False
    assert images[..., border].max() < 128


def test_a_drawer_keeps_their_hand_throughout_an_alphabet(glyphs: list[NDArray[np.uint8]]) -> None:
    for alphabet in glyphs:
        per_image = ink_pixels(alphabet)
        relative = per_image / per_image.mean(axis=1, keepdims=True)
        even, odd = relative[::2].mean(axis=0), relative[1::2].mean(axis=0)
        assert np.corrcoef(even, odd)[0, 1] > 0.95


def test_raw_pixels_tell_classes_apart_but_poorly(images: NDArray[np.uint8]) -> None:
    """5-way 1-shot nearest neighbour over pixels: far above chance, far below a trained network."""
    rng = np.random.default_rng(0)
    test_split = images[-427:].reshape(427, DRAWERS, -1) / 255.0
    correct = 0
    for _ in range(2000):
        classes, drawers = rng.choice(427, 5, replace=False), rng.choice(DRAWERS, 2, replace=False)
        support, query = test_split[classes, drawers[0]], test_split[classes[0], drawers[1]]
        correct += int(((support - query) ** 2).sum(axis=1).argmin() == 0)
    assert 0.5 < correct / 2000 < 0.75


def test_characters_of_an_alphabet_look_different(glyphs: list[NDArray[np.uint8]]) -> None:
    for alphabet in glyphs:
        mean = alphabet.mean(axis=1)
        for a, b in itertools.combinations(mean, 2):
            assert np.minimum(a, b).sum() < 0.75 * np.maximum(a, b).sum()
