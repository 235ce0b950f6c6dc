from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.kept import link_generated

from benchbench.datasets import create_dataset, open_dataset
from benchbench.errors import BenchbenchError
from benchbench.places import Places


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Places:
    """Two folders of pictures: `reds` in colour, 12 classes, and `greys`, 8 classes."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, classes, mode, size in (("reds", 12, "RGB", 9), ("greys", 8, "L", 7)):
        for label in range(classes):
            folder = root / name / f"{name}{label:02}"
            folder.mkdir(parents=True)
            for number in range(6):
                shape = (size, size, 3) if mode == "RGB" else (size, size)
                pixels = rng.integers(0, 256, shape).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    cache = tmp_path_factory.mktemp("cache")
    link_generated(cache, shared_cache)
    return Places(root, cache)


BOTH = "multi:folder:reds,folder:greys[size=8]"


def test_it_stands_for_its_sources(places: Places) -> None:
    assert create_dataset(BOTH).test_sources(places) == [
        "multi:folder:reds,folder:greys[size=8,test_source=reds]",
        "multi:folder:reds,folder:greys[size=8,test_source=greys]",
    ]


def test_a_source_is_an_ordinary_data_set_with_a_training_of_its_own(places: Places) -> None:
    greys = open_dataset("multi:folder:reds,folder:greys[test_source=greys,size=8]", places)
    alone = open_dataset("folder:greys[size=8]", places)
    assert greys.image_shape == (8, 8, 3)
    assert greys.name == "multi:folder:reds,folder:greys[size=8,test_source=greys]"
    assert (greys.source, greys.subject) == ("greys", "folder:greys[size=8]")
    np.testing.assert_array_equal(greys.splits["test"], alone.splits["test"])
    np.testing.assert_array_equal(greys.pixels[..., 1], alone.pixels[..., 0])
    assert greys.training is not None
    assert list(greys.training.members or {}) == ["reds"]


def test_all_sources_share_one_training(places: Places) -> None:
    trainings = []
    for source in create_dataset(f"{BOTH}[train=all]").test_sources(places):
        training = open_dataset(source, places).training
        assert training is not None
        trainings.append((training.name, training.fingerprint, list(training.members or {})))
    assert trainings[0] == trainings[1]
    assert trainings[0][2] == ["reds", "greys"]


def test_empty_brackets_leave_those_before_them_to_the_last_source(places: Places) -> None:
    several = create_dataset("multi:glyphs,folder:greys[seed=1][]").test_sources(places)
    assert several[1] == "multi:glyphs,folder:greys[seed=1][test_source=greys]"


def test_the_size_is_that_of_the_first_source(places: Places) -> None:
    dataset = open_dataset("multi:folder:greys[size=5],folder:reds[test_source=reds]", places)
    assert dataset.image_shape == (5, 5, 3)


def test_generated_data_sets_are_resized(places: Places) -> None:
    dataset = open_dataset("multi:folder:greys[size=5],glyphs[test_source=glyphs]", places)
    assert dataset.image_shape == (5, 5, 3)
    assert len(dataset.splits["test"]) == 427


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("multi:glyphs", "needs two data sets"),
        ("multi:glyphs,glyphs", "names a data set twice"),
        ("multi:glyphs,shaps", "did you mean shapes"),
        ("multi:glyphs,shapes[train=shape]", "did you mean shapes"),
        ("multi:glyphs,shapes[test_source=omniglot]", "known: glyphs, shapes"),
        ("multi:glyphs,shapes[test_source=all]", "no source named 'all'; known: glyphs, shapes"),
        ("multi:glyphs,shapes[size=0]", "at least 1 pixel"),
        ("multi:glyphs,folder:", "'folder' needs its path"),
        (
            "multi:glyphs,omniglot[split=lake]",
            r"brackets at the end are those of multi; write A,B\[key=value\]\[\]",
        ),
        (
            "multi:glyphs,meta_dataset[test_source=meta_dataset]",
            "itself several data sets; name one of them, such as meta_dataset:ilsvrc_2012",
        ),
        (BOTH, "test_source=NAME"),
        ("multi:folder:greys[val=0,test=1],shapes[test_source=shapes]", "no training classes"),
        (
            "multi:folder:reds[val=0,test=1],folder:greys[val=0,test=1][train=all,test_source=reds]",
            "None of reds, greys has training classes; add a source that has",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(spec: str, sentence: str, places: Places) -> None:
    with pytest.raises(BenchbenchError, match=sentence) as caught:
        open_dataset(spec, places)
    assert "\n" not in str(caught.value)


def test_episodes_that_are_prescribed_have_no_place_among_several(
    data_root: Path, shared_cache: Path
) -> None:
    with pytest.raises(BenchbenchError, match="omniglot_lake prescribes its episodes"):
        open_dataset(
            "multi:glyphs,omniglot_lake[test_source=omniglot_lake]",
            Places(data_root, shared_cache),
        )
