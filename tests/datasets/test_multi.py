from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.kept import link_generated
from support.sentences import one_sentence

from benchbench.datasets.opening import create_dataset, members_of, open_dataset, open_problems
from benchbench.system.places import Places


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


def test_it_has_a_problem_for_each_source(places: Places) -> None:
    assert [problem.spec for problem in open_problems(BOTH, places)] == [
        "multi:folder:reds,folder:greys[size=8,test_source=reds]",
        "multi:folder:reds,folder:greys[size=8,test_source=greys]",
    ]


def test_a_source_is_tested_on_its_own_episodes_and_learns_elsewhere(places: Places) -> None:
    spec = "multi:folder:reds,folder:greys[test_source=greys,size=8]"
    (problem,) = open_problems(spec, places)
    greys = problem.test
    alone = open_dataset("folder:greys[size=8]", places)
    assert greys.image_shape == (8, 8, 3)
    assert problem.spec == "multi:folder:reds,folder:greys[size=8,test_source=greys]"
    assert (problem.name, greys.name) == ("greys", "folder:greys[size=8]")
    np.testing.assert_array_equal(greys.splits["test"], alone.splits["test"])
    np.testing.assert_array_equal(greys.pixels[..., 1], alone.pixels[..., 0])
    assert list(problem.train.members or {}) == ["reds"]


def test_all_sources_share_one_training(places: Places) -> None:
    one, other = open_problems(f"{BOTH}[train=all]", places)
    assert one.train is other.train
    assert list(one.train.members or {}) == ["reds", "greys"]
    (alone,) = open_problems(other.spec, places)
    assert (alone.collection, alone.train.fingerprint) == (one.collection, one.train.fingerprint)


def test_empty_brackets_leave_those_before_them_to_the_last_source(places: Places) -> None:
    several = create_dataset("multi:glyphs,folder:greys[seed=1][]")
    assert members_of(several, places)[1] == "multi:glyphs,folder:greys[seed=1][test_source=greys]"


def test_the_size_is_that_of_the_first_source(places: Places) -> None:
    dataset = open_dataset("multi:folder:greys[size=5],folder:reds[test_source=reds]", places)
    assert dataset.image_shape == (5, 5, 3)


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["folder:.", "folder:x/reds"], ["folder:.", "reds"]),
        (["folder:..", "folder:reds", "folder:~"], ["folder:..", "reds", "folder:~"]),
        (["folder:a/reds", "folder:b/reds"], ["folder:a/reds", "folder:b/reds"]),
        (["folder:a/all", "folder:first", "shapes"], ["folder:a/all", "folder:first", "shapes"]),
    ],
)
def test_each_source_has_a_name_that_names_it_alone(sources, names, places: Places) -> None:
    several = f"multi:{','.join(sources)}"
    assert members_of(create_dataset(several), places) == [
        f"{several}[test_source={name}]" for name in names
    ]
    for name in names:
        assert create_dataset(f"{several}[train={name}]").train == name


def test_a_folder_of_no_name_is_tested_alone(places: Places, monkeypatch) -> None:
    monkeypatch.chdir(places.data_root / "greys")
    several = "multi:folder:reds,folder:."
    (problem,) = open_problems(f"{several}[test_source=folder:.]", places)
    assert (problem.name, len(problem.test.class_names)) == ("folder:.", 8)
    assert [each.name for each in open_problems(several, places)] == ["reds", "folder:."]


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
    with one_sentence(sentence):
        open_dataset(spec, places)


def test_episodes_that_are_prescribed_have_no_place_among_several(data_root, shared_cache) -> None:
    with one_sentence("omniglot_lake prescribes its episodes"):
        open_dataset(
            "multi:glyphs,omniglot_lake[test_source=omniglot_lake]",
            Places(data_root, shared_cache),
        )
