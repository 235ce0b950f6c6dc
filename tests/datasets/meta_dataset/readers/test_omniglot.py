"""Omniglot: both sets, inverted, the drawers as group keys."""

import shutil
from collections import Counter

import pytest

from benchbench.datasets.meta_dataset.readers import read
from benchbench.datasets.meta_dataset.spec import source_spec

GREEK, RUNES = "Greek-character01", "Anglo-Saxon_Futhorc-character02"


@pytest.fixture
def characters(tmp_path, put):
    folder = tmp_path / "omniglot-py"
    put(folder / "images_background/Greek/character01", "0394_02.png", "0394_01.png")
    put(folder / "images_background_small1/Greek/character01", "0394_02.png", "0394_01.png")
    put(folder / "images_evaluation/Anglo-Saxon_Futhorc/character02", "0001_20.png")
    put(folder / "images_evaluation/Unknown/character02", "0001_20.png")
    return folder


def test_drawings_are_inverted(characters, read_from, greys):
    for path in (characters, characters.parent):
        files = read_from("omniglot", path, GREEK, RUNES, "Greek-character02")
        assert greys(files, GREEK) == [254, 255]
        assert files.groups == {
            GREEK: ["Greek/01", "Greek/02"],
            RUNES: ["Anglo-Saxon_Futhorc/20"],
            "Greek-character02": [],
        }


def test_the_published_zips_are_read(characters, tmp_path, read_from, greys):
    packed = tmp_path / "packed"
    for name in ("images_background", "images_evaluation"):
        shutil.make_archive(str(packed / name), "zip", characters, name)
    assert greys(read_from("omniglot", packed, GREEK, RUNES), RUNES) == [255]


def test_one_set_alone_is_refused(characters, refused):
    shutil.rmtree(characters / "images_evaluation")
    assert "has no images_evaluation/; Omniglot" in refused("omniglot", characters, GREEK)


def test_the_real_data_has_the_published_counts(data_root, tmp_path):
    spec = source_spec("omniglot")
    files = read("omniglot", data_root, spec, tmp_path)
    assert {name: len(refs) for name, refs in files.images.items()} == spec.images_per_class
    drawers = Counter(key for name in spec.class_names for key in files.groups[name])
    assert len(drawers) == 50 * 20
    image = files.load(files.images[spec.class_names[0]][0])
    assert image.size == (105, 105)
    black, *_, white = image.histogram()
    assert black > 9000 > 2000 > white > 0
