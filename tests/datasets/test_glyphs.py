"""The generated data set as a data set; its pixels are tested with the generator."""

import numpy as np
import pytest
from support.opened import split_sizes
from support.sentences import one_sentence

from benchbench.datasets import glyphs_generator
from benchbench.datasets.glyphs import Glyphs
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.system.places import Places

GOLDEN = "2557cb76b102a2e1e481e59d94db2ccb460396643d59ce182de65e14290d0a45"


@pytest.fixture(scope="module")
def glyphs() -> OpenDataset:
    return open_dataset("glyphs")


def test_what_it_holds(glyphs: OpenDataset) -> None:
    assert glyphs.name == "glyphs"
    assert glyphs.pixels.shape == (1437 * 20, 28, 28, 1)
    assert split_sizes(glyphs) == (888, 122, 427)
    np.testing.assert_array_equal(glyphs.labels, np.repeat(np.arange(1437), 20))


def test_the_fingerprint_is_the_published_one(glyphs: OpenDataset) -> None:
    assert glyphs.fingerprint == GOLDEN


@pytest.mark.parametrize("index", [0, 33, 47])
def test_pixels_are_the_generators(glyphs: OpenDataset, index: int) -> None:
    name = list(glyphs_generator.alphabet_splits())[index]
    drawn = glyphs_generator.draw_alphabet(0, index)
    ids = [i for i, text in enumerate(glyphs.class_names) if text.startswith(f"{name}/")]
    assert [glyphs.class_names[i] for i in ids[:2]] == [f"{name}/character0{i}" for i in (0, 1)]
    pixels = glyphs.pixels[np.isin(glyphs.labels, ids)]
    np.testing.assert_array_equal(pixels.reshape(drawn.shape), drawn)


def test_an_alphabet_is_in_one_split_only(glyphs: OpenDataset) -> None:
    alphabets = [
        {glyphs.hierarchy[class_id] for class_id in glyphs.splits[split]}
        for split in ("train", "val", "test")
    ]
    assert [len(names) for names in alphabets] == [30, 4, 14]
    assert len(set.union(*alphabets)) == 48


def test_every_class_has_the_twenty_drawers_of_its_alphabet(glyphs: OpenDataset) -> None:
    for class_id, drawers in enumerate(glyphs.groups.reshape(-1, 20)):
        alphabet = glyphs.class_names[class_id].split("/")[0]
        assert drawers.tolist() == [f"{alphabet}/{drawer:02}" for drawer in range(20)]


def test_it_needs_no_source(glyphs: OpenDataset) -> None:
    assert Glyphs().sources(Places.find()) == []
    assert glyphs.fixed_episodes is None


def test_the_second_opening_generates_nothing(glyphs, monkeypatch) -> None:
    monkeypatch.delattr(glyphs_generator, "draw_alphabet")
    assert open_dataset("glyphs").fingerprint == glyphs.fingerprint


def test_the_generators_version_and_the_seed_name_the_table(glyphs, monkeypatch) -> None:
    first, other = Glyphs().pixel_parameters(), Glyphs(1).pixel_parameters()
    monkeypatch.setattr(glyphs_generator, "VERSION", glyphs_generator.VERSION + 1)
    assert first != other != Glyphs(1).pixel_parameters()


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range(seed: int) -> None:
    with one_sentence(r"^glyphs: seed must be at least 0 and at most 18446744073709551615"):
        create_dataset(f"glyphs[seed={seed}]")


def test_its_names_are_no_words(glyphs: OpenDataset) -> None:
    assert not glyphs.names_are_words
