"""What pre-training has seen of a data set, by name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.backbones.libraries.weights import DATA_SETS, UNKNOWN
from benchbench.datasets.integrity.contamination import (
    LEVELS,
    SAME,
    TABLE,
    Contamination,
    judge,
    normalised,
)

GENERATED = ("glyphs", "shapes")
IMAGENETS = ("imagenet-1k", "imagenet-12k", "imagenet-21k")
LABELLED = {*IMAGENETS, "inaturalist-2021"}
"""Of the names that tags stand for, those of which is known what they hold."""


@pytest.mark.parametrize("dataset", [*GENERATED, "omniglot", "folder:photos", "mini-imagenet"])
def test_without_pre_training_nothing_was_seen(dataset: str) -> None:
    assert judge((), dataset) == Contamination("none", "")


BY_IMAGENET = {
    "none": "glyphs shapes[permute_names=true] omniglot omniglot[split=lake] omniglot_lake",
    "images": "miniimagenet mini-ImageNet tieredimagenet ilsvrc_2012",
    "classes": "cifar_fs CIFAR-100 fc100 cub CUB_200_2011 caltech101",
    "unknown": "folder:/data/mini_imagenet folder:photos[size=64] somebodys",
}


@pytest.mark.parametrize("seen", IMAGENETS)
@pytest.mark.parametrize(
    ("dataset", "level"),
    [(dataset, level) for level, names in BY_IMAGENET.items() for dataset in names.split()],
)
def test_weights_of_imagenet(seen: str, dataset: str, level: str) -> None:
    assert judge((seen,), dataset).level == level


@pytest.mark.parametrize(
    ("seen", "dataset"),
    [
        ("omniglot", "omniglot[split=vinyals]"),
        ("Omniglot", "omniglot_lake"),
        ("glyphs", "glyphs[seed=3]"),
        ("cifar100", "cifar_fs"),
        ("CIFAR-FS", "fc100"),
        ("mini_imagenet", "miniimagenet"),
        ("somebodys", "somebodys:argument[x=1]"),
    ],
)
def test_the_images_were_seen(seen: str, dataset: str) -> None:
    assert judge([seen], dataset).level == "images"


@pytest.mark.parametrize("seen", sorted({*DATA_SETS.values(), *UNKNOWN} - LABELLED))
@pytest.mark.parametrize("dataset", ["omniglot", "shapes", "miniimagenet", "folder:photos"])
def test_of_pictures_gathered_from_the_web_nothing_is_known(seen: str, dataset: str) -> None:
    assert judge((seen,), dataset).level == "unknown"


@pytest.mark.parametrize(
    ("seen", "dataset", "level"),
    [
        (("imagenet-21k", "imagenet-1k"), "omniglot", "none"),
        (("imagenet-1k", "laion-2b"), "omniglot", "unknown"),
        (("laion-2b", "imagenet-1k"), "miniimagenet", "images"),
        (("imagenet-1k", "laion-2b", "miniimagenet"), "miniimagenet", "images"),
        (("unknown", "omniglot"), "folder:omniglot", "unknown"),
    ],
)
def test_the_worst_of_several_decides(seen: tuple[str, ...], dataset: str, level: str) -> None:
    assert judge(seen, dataset).level == judge(seen[::-1], dataset).level == level


@given(st.lists(st.text()), st.text())
def test_any_names_have_a_level_and_a_reason(seen: list[str], dataset: str) -> None:
    assert judge(seen, dataset).level in LEVELS
    assert bool(judge(seen, dataset).reason) == bool(seen)


def test_a_reason_is_a_sentence_that_names_both() -> None:
    assert judge(["imagenet-1k", "laion-2b"], "cub[size=84]").reason == (
        "imagenet-1k on cub: many of its birds, and some pictures, are in ImageNet."
    )
    unknown = "It is not known what laion-2b holds of omniglot."
    assert judge(["laion-2b"], "omniglot").reason == unknown


ROWS = [(origins, *row) for origins, rows in TABLE.items() for row in rows]


def test_the_table_is_written_in_normal_names_and_known_levels() -> None:
    for origins, targets, level, why in ROWS:
        assert level in LEVELS
        assert why
        for name in (*origins, *targets):
            assert normalised(name) == name
    for name in (*SAME, *SAME.values()):
        assert re.fullmatch("[a-z0-9]+", name)
    assert not set(SAME) & set(SAME.values())


def test_no_two_rows_of_the_table_contradict_each_other() -> None:
    levels: dict[tuple[str, str], set[str]] = {}
    for origins, targets, level, _ in ROWS:
        for origin in origins:
            for target in targets:
                if origin != target:
                    levels.setdefault((origin, target), set()).add(level)
    assert not [pair for pair, found in levels.items() if len(found) > 1]


@pytest.mark.parametrize(
    ("seen", "dataset", "level"),
    [
        ("imagenet-1k", "meta_dataset:ilsvrc_2012[size=126]", "images"),
        ("imagenet-1k", "meta_dataset:cu_birds", "classes"),
        ("imagenet-1k", "meta_dataset:quickdraw", "none"),
        ("imagenet-1k", "meta_dataset:aircraft", "unknown"),
        ("inaturalist-2021", "meta_dataset:fungi", "classes"),
    ],
)
def test_sources_of_meta_dataset_are_told_apart(seen: str, dataset: str, level: str) -> None:
    assert judge([seen], dataset).level == level
