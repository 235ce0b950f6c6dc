"""Pictures of data sets and episodes: what is where, nothing cut off, the same bytes each time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchbench.datasets import contact_sheet as sheets
from benchbench.datasets.contact_sheet import BORDER, FONT, GAP, LABEL, LONGEST, MARGIN
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import Episode
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, create_sampler

Make = Callable[..., OpenDataset]
LEFT = MARGIN + LABEL + GAP


def whereabouts(picture: Image.Image, tile: np.ndarray) -> list[tuple[int, int]]:
    """The corners at which the tile [h, w, 3] stands in the picture."""
    array = np.asarray(picture)
    height, width = tile.shape[:2]
    corners = np.ones((array.shape[0] - height + 1, array.shape[1] - width + 1), bool)
    for row in (0, height - 1):
        for column in (0, width - 1):
            part = array[row : row + corners.shape[0], column : column + corners.shape[1]]
            corners &= (part == tile[row, column]).all(axis=2)
    return [
        (int(left), int(top))
        for top, left in np.argwhere(corners)
        if np.array_equal(array[top : top + height, left : left + width], tile)
    ]


def enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    return np.broadcast_to(image, (*image.shape[:2], 3)).repeat(factor, 0).repeat(factor, 1)


def episode(dataset: OpenDataset, **options: int) -> Episode:
    return create_sampler("fixed", **options).sample(ClassPool(dataset, "test"), 1, 0)[0]


def test_a_sheet_shows_the_images_class_by_class(make_dataset: Make) -> None:
    dataset = make_dataset(noise=200)
    picture = sheets.class_sheet(dataset, "test", 4, 5)
    tops = []
    for label in (18, 20, 22, 24):  # evenly over the eight test classes
        places = [
            whereabouts(picture, enlarged(dataset.pixels[20 * label + number], 4))
            for number in (0, 4, 8, 12, 16)
        ]
        assert all(len(place) == 1 for place in places)
        assert [left for ((left, _),) in places] == [
            LEFT + BORDER + column * (64 + 2 * BORDER + GAP) for column in range(5)
        ]
        tops.append({top for ((_, top),) in places})
    assert all(len(top) == 1 for top in tops)
    assert tops == sorted(tops, key=min)


def test_more_classes_and_images_than_there_are(make_dataset: Make) -> None:
    whole = sheets.class_sheet(make_dataset(per_class=3), "val", 6, 3)
    assert sheets.class_sheet(make_dataset(per_class=3), "val", 100, 3).tobytes() == whole.tobytes()


@given(st.integers(1, 300), st.integers(1, 300))
def test_spread_is_even_and_begins_at_0(count: int, wanted: int) -> None:
    chosen = sheets.spread(count, wanted)
    assert len(chosen) == min(count, wanted)
    assert chosen[0] == 0
    assert chosen[-1] < count
    steps = np.diff(chosen)
    assert len(steps) == 0 or steps.max() - steps.min() <= 1


def test_an_episode_shows_support_by_slot_and_queries_with_their_slots(make_dataset: Make) -> None:
    dataset = make_dataset(noise=200)
    drawn = episode(dataset, way=3, shot=2, query=4)
    array = np.asarray(picture := sheets.episode_sheet(dataset, drawn, "an episode"))
    tops: dict[int, set[int]] = {}
    for image, slot in zip(drawn.support, drawn.support_labels, strict=True):
        ((left, top),) = whereabouts(picture, enlarged(dataset.pixels[image], 4))
        assert tuple(array[top - 1, left - 1]) == sheets.slot_colour(slot)
        tops.setdefault(int(slot), set()).add(top)
    assert [len(top) for top in tops.values()] == [1, 1, 1]
    assert max(tops[0]) < max(tops[1]) < max(tops[2])
    order = []
    for image, slot in zip(drawn.query, drawn.query_labels, strict=True):
        ((left, top),) = whereabouts(picture, enlarged(dataset.pixels[image], 4))
        assert tuple(array[top - 1, left - 1]) == sheets.slot_colour(slot)
        assert top > max(tops[2])
        order.append((top, left))
    assert order == sorted(order)


def test_episodes_of_uneven_size(make_dataset: Make) -> None:
    dataset = make_dataset()
    support = np.array([360, 361, 362, 380, 400])
    slots, query = np.array([0, 0, 0, 1, 2]), np.array([381, 364])
    uneven = Episode(np.array([18, 19, 20]), support, slots, query, np.array([1, 0]))
    picture = sheets.episode_sheet(dataset, uneven, "uneven")
    assert picture.width == LEFT + MARGIN + 3 * (64 + 2 * BORDER + GAP)
    without = replace(uneven, support=support[:0], support_labels=support[:0])
    assert sheets.episode_sheet(dataset, without, "no support").height < picture.height


@given(st.integers(0, 49), st.integers(0, 49))
def test_slots_have_colours_of_their_own(one: int, other: int) -> None:
    assert one == other or sheets.slot_colour(one) != sheets.slot_colour(other)


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 7, 3), (32, 32, 3), (105, 105, 1), (500, 300, 3)])
def test_images_of_any_size(make_dataset: Make, shape: tuple[int, int, int]) -> None:
    dataset = make_dataset(classes=(2, 0, 3), per_class=3, shape=shape)
    picture = sheets.class_sheet(dataset, "test", 3, 3)
    side = (picture.width - LEFT - MARGIN) // 3 - 2 * BORDER - GAP
    assert 48 <= side <= 128
    assert max(picture.size) <= LONGEST


def test_a_large_sheet_has_smaller_images(make_dataset: Make) -> None:
    dataset = make_dataset(classes=(0, 0, 60), per_class=20, shape=(84, 84, 3))
    picture = sheets.class_sheet(dataset, "test", 60, 20)
    assert max(picture.size) <= LONGEST
    with pytest.raises(BenchbenchError, match="too much for one picture"):
        sheets.class_sheet(make_dataset(classes=(0, 0, 400), per_class=2), "test", 400, 2)


def test_enlarging_repeats_pixels_and_reducing_averages() -> None:
    checks = np.array([[0, 200], [200, 0]], np.uint8)[..., None]
    large = np.asarray(sheets.scaled(checks, (6, 6)))
    np.testing.assert_array_equal(large, enlarged(checks, 3))
    assert np.asarray(sheets.scaled(enlarged(checks, 4), (1, 1)))[0, 0].tolist() == [100, 100, 100]


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Zs"]), max_size=120))
def test_wrapping_loses_nothing_and_fits(text: str) -> None:
    lines = sheets.wrapped(text, 150)
    assert all(FONT.getlength(line) <= 150 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_long_names_make_a_row_taller_in_place_of_being_cut(make_dataset: Make) -> None:
    images = make_dataset().pixels[:2]
    names = ("short", "very_long_" * 40)
    rows = [sheets.ImageRow(name, images) for name in names]
    short, long = (sheets.sheet("title", [row], 2) for row in rows)
    assert long.height > short.height
    ink = np.argwhere((np.asarray(long) != 255).any(axis=2))
    assert ink[:, 0].max() < long.height - 1
    beside = np.asarray(long)[:, MARGIN + LABEL : LEFT]
    assert (beside == 255).all()


def test_a_split_without_classes_or_of_no_name(make_dataset: Make) -> None:
    dataset = make_dataset(classes=(3, 0, 3))
    with pytest.raises(BenchbenchError, match="no classes in the split 'val'"):
        sheets.class_sheet(dataset, "val", 2, 2)
    with pytest.raises(BenchbenchError, match="no split 'tset'; it has train, val, test"):
        sheets.class_sheet(dataset, "tset", 2, 2)


def test_files_are_the_same_bytes_and_replace_each_other(make_dataset, tmp_path) -> None:
    one, other = tmp_path / "new" / "one.png", tmp_path / "other.PNG"
    other.write_text("old")
    for path in (one, other):
        sheets.save_png(sheets.class_sheet(make_dataset(), "test", 3, 3), path)
    assert one.read_bytes() == other.read_bytes()
    assert Image.open(one).mode == "RGB"
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["one.png", "other.PNG"]


def test_files_that_cannot_be(tmp_path: Path) -> None:
    picture = Image.new("RGB", (2, 2))
    with pytest.raises(BenchbenchError, match=r"x\.jpg must end in \.png"):
        sheets.save_png(picture, tmp_path / "x.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(BenchbenchError, match="Cannot write"):
        sheets.save_png(picture, tmp_path / "file" / "x.png")
