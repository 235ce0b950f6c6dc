"""Images by id and by place: one picture, whichever way it is asked for."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.conformance.instruments import reads_of
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.tables.stored import (
    ColourPixels,
    PermutedPixels,
    StackedPixels,
    StoredPixels,
    paths_of,
    storage_of,
)

MakeDataset = Callable[..., OpenDataset]

COUNT = 12
IMAGES = np.arange(COUNT * 4, dtype=np.uint8).reshape(COUNT, 2, 2, 1)
IDS = st.lists(st.integers(-COUNT, COUNT - 1), max_size=30)


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> PermutedPixels:
    """The images in a file, in a random order."""
    path = tmp_path_factory.mktemp("stored") / "pixels.bin"
    places = np.random.default_rng(0).permutation(COUNT)
    path.write_bytes(IMAGES[np.argsort(places)].tobytes())
    return PermutedPixels(StoredPixels(path, IMAGES.shape), places)


@pytest.fixture(scope="module")
def every(on_disk: PermutedPixels) -> dict[str, tuple[Any, np.ndarray]]:
    """Every kind of pixels, and the array that they should read like."""
    colour = IMAGES.repeat(3, axis=3)
    return {
        "array": (IMAGES, IMAGES),
        "file": (on_disk, IMAGES),
        "colour": (ColourPixels(on_disk), colour),
        "colour of an array": (ColourPixels(IMAGES), colour),
        "stacked": (
            StackedPixels([ColourPixels(on_disk), colour[:3], ColourPixels(IMAGES[:5])]),
            np.concatenate([colour, colour[:3], colour[:5]]),
        ),
    }


KINDS = ["array", "file", "colour", "colour of an array", "stacked"]


@pytest.mark.parametrize("kind", KINDS)
@given(ids=IDS)
def test_the_place_of_an_id_holds_its_image(
    make_dataset: MakeDataset,
    every: dict[str, tuple[Any, np.ndarray]],
    kind: str,
    ids: list[int],
) -> None:
    pixels, expected = every[kind]
    dataset = replace(make_dataset(), pixels=pixels)
    chosen = np.array(ids, np.int64)
    storage = dataset.storage
    np.testing.assert_array_equal(storage.pixels[storage.places[chosen]], expected[chosen])
    np.testing.assert_array_equal(dataset.images(chosen), expected[chosen])
    assert storage.places.dtype == np.int64
    assert sorted(storage.places) == list(range(len(expected)))
    assert dataset.storage is storage


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize(
    "index",
    [
        np.s_[3],
        np.s_[-1],
        np.int64(2),
        np.s_[2:9:3],
        np.s_[:],
        np.s_[20:],
        np.s_[[4, 4, -2]],
        np.array([[0, 1], [2, 3]]),
        np.s_[...],
        np.s_[..., 0],
        np.s_[:, 1, 0],
        np.s_[[5, 1], ..., 0],
        np.s_[5, :, [0, 1]],
    ],
    ids=str,
)
def test_they_take_every_index_that_an_array_takes(
    every: dict[str, tuple[Any, np.ndarray]], kind: str, index: Any
) -> None:
    pixels, expected = every[kind]
    found = pixels[index]
    np.testing.assert_array_equal(found, expected[index], strict=True)
    assert found.flags.writeable
    found[...] = 7
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_they_look_like_an_array(every: dict[str, tuple[Any, np.ndarray]], kind: str) -> None:
    pixels, expected = every[kind]
    assert (pixels.shape, pixels.dtype, pixels.ndim) == (expected.shape, expected.dtype, 4)
    assert len(pixels) == len(expected)
    np.testing.assert_array_equal(list(pixels), expected)
    darkest = expected[:, 0, 0, 0] < 9
    np.testing.assert_array_equal(pixels[darkest], expected[darkest])
    for index in (len(expected), np.array([len(expected)])):
        with pytest.raises(IndexError):
            pixels[index]
    with pytest.raises(TypeError):
        pixels[0] = 0
    with pytest.raises(ValueError, match="only be read as a copy"):
        pixels.__array__(copy=False)


def test_a_file_is_pickled_as_its_path_and_shape(on_disk: PermutedPixels, tmp_path: Path) -> None:
    stored = on_disk.storage.pixels
    before = stored[:]
    sent = pickle.dumps(stored)
    assert len(sent) < 400 + len(str(stored.path))
    again = pickle.loads(sent)
    assert vars(again) == {"path": stored.path, "shape": stored.shape, "paths": (stored.path,)}
    np.testing.assert_array_equal(again[:], before)


def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    stored = StoredPixels(tmp_path / "gone", (1, 2, 2, 1))
    with pytest.raises(FileNotFoundError):
        stored[0]
    (tmp_path / "gone").write_bytes(b"abc")
    with pytest.raises(ValueError, match="mmap length"):
        stored[0]


@pytest.mark.parametrize("kind", ["colour", "stacked"])
def test_what_is_made_of_files_is_pickled_without_the_order(
    every: dict[str, tuple[Any, np.ndarray]], kind: str
) -> None:
    stored = storage_of(every[kind][0])
    again = pickle.loads(pickle.dumps(stored.pixels))
    np.testing.assert_array_equal(again[stored.places], every[kind][1])
    assert b"places" not in pickle.dumps(stored.pixels)


def test_an_array_is_copied_in_another_order_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCHBENCH_SALT")
    images = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1)
    first, second = (storage_of(images) for _ in range(2))
    assert len({tuple(one.pixels.ravel()) for one in (first, second)} | {tuple(range(256))}) == 3


def test_the_files_are_known(on_disk: PermutedPixels) -> None:
    path = on_disk.storage.pixels.path
    assert paths_of(StackedPixels([ColourPixels(on_disk), IMAGES.repeat(3, 3)])) == (path,)
    assert paths_of(IMAGES) == ()


def test_reading_the_storage_of_watched_pixels_is_seen(
    make_dataset: MakeDataset, on_disk: PermutedPixels
) -> None:
    dataset = replace(make_dataset(), pixels=on_disk)
    before = dataset.storage
    with reads_of(dataset) as watched:
        assert paths_of(dataset.pixels) == on_disk.paths
        _ = dataset.storage.pixels[dataset.storage.places[[5]]]
    assert watched.read.tolist() == [number == 5 for number in range(COUNT)]
    assert dataset.storage is before
    with reads_of(dataset) as watched:
        dataset.images(np.array([3]))
    assert watched.read.tolist() == [number == 3 for number in range(COUNT)]
