"""The generated data set with names in words: its exact bits, and that pictures fit their names."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.opened import split_names, split_sizes

from benchbench.datasets import shapes_generator
from benchbench.datasets.base import SPLITS
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.datasets.shapes import Shapes
from benchbench.datasets.shapes_generator import COLOURS, COMBINATIONS, IMAGES, draw
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places

GOLDEN = "7265fa30f4c1bb65f3ab03fa1410a368e208d99b9eb64db1b3ef7780b952d9a1"


@pytest.fixture(scope="module")
def shapes() -> OpenDataset:
    return open_dataset("shapes")


def of(**wanted: str) -> list[int]:
    """The combinations with these attributes."""
    places = ("size", "pattern", "colour", "shape")
    return [
        index
        for index, values in enumerate(COMBINATIONS)
        if all(values[places.index(key)] == value for key, value in wanted.items())
    ]


def drawn(every: int, **wanted: str) -> np.ndarray:
    """Images [n, 32, 32, 3] of every so manieth of these combinations, as signed integers."""
    return np.concatenate([draw(0, index) for index in of(**wanted)[::every]]).astype(np.int64)


def test_what_it_holds(shapes: OpenDataset) -> None:
    assert shapes.pixels.shape == (640 * IMAGES, 32, 32, 3)
    assert split_sizes(shapes) == (400, 80, 160)
    np.testing.assert_array_equal(shapes.labels, np.repeat(np.arange(640), IMAGES))
    assert shapes.names_are_words
    assert shapes.hierarchy is None


def test_the_fingerprint_is_the_published_one(shapes: OpenDataset) -> None:
    assert shapes.fingerprint == GOLDEN


def test_names_are_combinations_and_no_two_classes_share_one(shapes: OpenDataset) -> None:
    assert "large striped red triangle" in {" ".join(values) for values in COMBINATIONS}
    assert len(set(shapes.class_names)) == 640
    assert {tuple(name.split()) for name in shapes.class_names} <= set(COMBINATIONS)


def test_every_attribute_of_a_test_class_is_seen_in_training(shapes: OpenDataset) -> None:
    seen = Counter(word for name in split_names(shapes)["train"] for word in name.split())
    assert set(seen) == {word for values in COMBINATIONS for word in values}
    assert min(seen.values()) >= 30


@pytest.mark.parametrize("split", SPLITS)
def test_a_class_shows_the_combination_of_its_name(shapes: OpenDataset, split: str) -> None:
    for class_id in shapes.splits[split][::40]:
        index = COMBINATIONS.index(tuple(shapes.class_names[class_id].split()))
        pixels = shapes.pixels[shapes.labels == class_id]
        np.testing.assert_array_equal(pixels, draw(0, index))


def test_no_two_images_are_equal(shapes: OpenDataset) -> None:
    assert len({image.tobytes() for image in shapes.pixels}) == len(shapes.pixels)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_figure_has_the_colour_of_its_name(colour: str) -> None:
    images = drawn(4, size="large", pattern="solid", colour=colour)
    paints = np.array(list(COLOURS.values()))
    nearest = np.abs(images[:, 16, 16, None] - paints).sum(2).argmin(1)
    assert (nearest == list(COLOURS).index(colour)).mean() > 0.9


def test_sizes_do_not_overlap() -> None:
    def area(size: str) -> np.ndarray:
        images = drawn(5, size=size, pattern="solid", shape="circle")
        away = np.abs(images - images[:, :1, :1]).max(3) > 45
        return away.sum((1, 2))

    small, medium, large = (np.sort(area(size)) for size in ("small", "medium", "large"))
    tenth = len(small) // 10
    assert small[-tenth] < medium[tenth] < medium[-tenth] < large[tenth]


def test_patterns_differ_in_how_much_of_the_figure_is_painted() -> None:
    def red(pattern: str) -> float:
        images = drawn(1, size="large", pattern=pattern, colour="red", shape="square")
        off = np.abs(images - np.array(COLOURS["red"])).max(3)
        return float((off < 40).sum((1, 2)).mean())

    shares = {pattern: red(pattern) / red("solid") for pattern in shapes_generator.PATTERNS}
    assert shares["solid"] == 1
    assert max(share for pattern, share in shares.items() if pattern != "solid") < 0.8
    assert min(shares.values()) > 0.1


def test_permuted_names_are_a_control(shapes: OpenDataset, shared_cache: Path) -> None:
    control = open_dataset("shapes[permute_names=true]", Places(shared_cache, shared_cache))
    assert control.fingerprint == shapes.fingerprint
    names, permuted = split_names(shapes), split_names(control)
    assert names["test"] == permuted["test"]
    for split in ("train", "val"):
        before, after = names[split], permuted[split]
        assert sorted(before) == sorted(after)
        assert sum(a == b for a, b in zip(before, after, strict=True)) < 5


def test_seeds_differ_in_pixels_and_in_the_deal() -> None:
    assert not np.array_equal(draw(0, 5), draw(1, 5))
    assert shapes_generator.deal(0) != shapes_generator.deal(2**64 - 1)


def test_the_generators_version_and_the_parameters_name_the_table(monkeypatch) -> None:
    tables = [Shapes(), Shapes(1), Shapes(permute_names=True)]
    parameters = [table.pixel_parameters() for table in tables]
    monkeypatch.setattr(shapes_generator, "VERSION", shapes_generator.VERSION + 1)
    parameters.append(Shapes().pixel_parameters())
    assert len({str(values) for values in parameters}) == 4


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range(seed: int) -> None:
    with pytest.raises(BenchbenchError, match=r"^shapes: seed must be at least 0"):
        create_dataset(f"shapes[seed={seed}]")


def described(monkeypatch: pytest.MonkeyPatch, **parameters) -> tuple[list[str], np.ndarray]:
    """The names of all classes, and their attributes, without a picture drawn."""
    monkeypatch.setattr(shapes_generator, "draw", lambda seed, index: np.zeros((1, 1, 1, 1)))
    made = Shapes(**parameters)
    names = [one.name for one in made.decode([])]
    return names, made.attributes(names, []).values


def test_attributes_are_permuted_as_names_are(monkeypatch: pytest.MonkeyPatch) -> None:
    names, own = described(monkeypatch)
    splits = Shapes().split_classes(names, [])
    orders = set()
    for number in range(3):
        permuted, rows = described(monkeypatch, permute_names=True, permutation=number)
        orders.add(tuple(permuted))
        for split, members in splits.items():
            assert sorted(permuted[c] for c in members) == sorted(names[c] for c in members)
            assert np.array_equal(rows[members], own[members]) == (split == "test")
            expected = own[[names.index(permuted[c]) for c in members]]
            np.testing.assert_array_equal(rows[members], expected)
    assert len(orders) == 3


def test_a_permutation_without_permuting_is_one_sentence() -> None:
    with pytest.raises(BenchbenchError, match="needs permute_names=true"):
        create_dataset("shapes[permutation=3]")
