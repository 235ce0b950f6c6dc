"""Pictures that are the same at another size or in another format, and those that are not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from support.own_size import write_own_size

from benchbench.datasets.opening import open_dataset
from benchbench.datasets.same_pictures import facts_of, same_pictures
from benchbench.system.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_own_size(tmp_path / "pictures", classes=4, count=5)


def compared(places: Places, *specs: str) -> tuple[bool, str]:
    one, other = (facts_of(open_dataset(spec, places), places) for spec in specs)
    return same_pictures(one, other)


@pytest.mark.parametrize("size", ["native", 84, 40, 24])
@pytest.mark.parametrize("colour", ["rgb", "grey"])
def test_another_size_or_colour_is_the_same(
    root: Path, places: Places, size: object, colour: str
) -> None:
    other = f"folder:{root}[size={size},colour={colour}]"
    same, words = compared(places, f"folder:{root}[size=64]", other)
    assert same, words
    assert words == "the names of their files and the looks of 20 of them"


def test_a_copy_in_another_format_is_the_same_unless_its_names_are_others(
    root: Path, places: Places, tmp_path: Path
) -> None:
    """Where a data set knows no files, looks decide."""
    for file in list(root.rglob("*.png")):
        target = tmp_path / "copy" / file.relative_to(root).with_suffix(".jpg")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).save(target, quality=85)
    specs = f"folder:{root}[size=native]", f"folder:{tmp_path / 'copy'}"
    assert compared(places, *specs)[0]
    last = tmp_path / "copy" / "class03" / "4.jpg"
    last.rename(last.with_name("5.jpg"))
    one, other = (facts_of(open_dataset(spec, places), places) for spec in specs)
    assert same_pictures(one, other) == (False, "the names of their files are others")
    assert same_pictures(one, {**other, "files": ""}) == (True, "the looks of 20 of them")


def test_tables_of_a_library_have_no_names_and_looks_decide(
    root: Path, places: Places, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    from support.image_tables import CLASS, columns, saved

    files = sorted(root.rglob("class0[0-2]/*.png"))
    labels = [int(file.parent.name[-1]) for file in files]
    pictures = (datasets.Image(), [Image.open(file) for file in files])
    table = saved(tmp_path / "table", columns(picture=pictures, kind=(CLASS, labels)))
    assert compared(places, f"hf:{table}[size=native]", f"hf:{table}[size=40]") == (
        True,
        "the looks of 15 of them",
    )


def test_two_pictures_that_have_changed_places_are_found(root: Path, places: Places) -> None:
    """Of twenty pictures nine in ten may differ in no more than a few bits."""
    spec = f"folder:{root}[size=native]"
    before = facts_of(open_dataset(spec, places), places)
    for name in ("0", "1", "2"):
        one, other = (root / f"class0{number}" / f"{name}.png" for number in (0, 1))
        one.rename(root / "held")
        other.rename(one)
        (root / "held").rename(other)
    shutil.rmtree(places.cache)
    after = facts_of(open_dataset(spec, places), places)
    assert same_pictures(before, after) == (
        False,
        "6 of 20 pictures that were looked at are others",
    )


def test_features_have_no_looks(root: Path, places: Places) -> None:
    facts = facts_of(open_dataset(f"folder:{root}", places), places)
    assert same_pictures({}, facts) == (False, "nothing says which pictures they are of")
