"""`features:FILE`: opened like any data set, and drawn from as the images that it is of."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchbench.datasets.feature_file import FeatureFile, layout_sha256
from benchbench.datasets.multi import Multi
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, create_sampler
from benchbench.system.places import Places
from benchbench.system.vectors import of_images


def file_of(dataset: OpenDataset, **header: object) -> FeatureFile:
    """Features of a data set's images, with what an export says of them."""
    split_of = {c: split for split, ids in dataset.splits.items() for c in ids.tolist()}
    facts = {
        "fingerprint": dataset.fingerprint,
        "layout_sha256": layout_sha256(dataset.labels, dataset.splits, dataset.parts),
        "hierarchy": dataset.hierarchy,
    }
    return FeatureFile(
        np.random.default_rng(0).normal(size=(len(dataset.labels), 5)).astype(np.float32),
        dataset.labels,
        dataset.class_names,
        [split_of[c] for c in range(len(dataset.class_names))],
        None if dataset.parts is None else dataset.parts.tolist(),
        None if dataset.groups is None else dataset.groups.tolist(),
        facts | header,
    )


def opened(file: FeatureFile, folder: Path) -> OpenDataset:
    file.save(folder / "f.npz")
    return open_dataset(f"features:{folder / 'f.npz'}", Places(folder, folder / "cache"))


@pytest.fixture
def grouped(dataset: OpenDataset) -> OpenDataset:
    """With drawers and alphabets."""
    count, classes = len(dataset.labels), len(dataset.class_names)
    return replace(
        dataset,
        groups=np.array([f"drawer {n % 4}" for n in range(count)]),
        hierarchy=[(f"alphabet {c % 3}",) for c in range(classes)],
    )


@pytest.mark.parametrize("spec", ["fixed[way=4,shot=1,query=3]", "fixed[way=2,shot=3,query=2]"])
def test_the_same_episodes_are_drawn_as_of_the_images(grouped, tmp_path, spec) -> None:
    found = opened(file_of(grouped), tmp_path)
    expected = create_sampler(spec).sample(ClassPool(grouped, "test"), 30, seed=3)
    assert create_sampler(spec).sample(ClassPool(found, "test"), 30, seed=3) == expected
    assert found.hierarchy == grouped.hierarchy
    np.testing.assert_array_equal(found.groups, grouped.groups)


def test_features_come_back_by_image_id(grouped, tmp_path) -> None:
    file = file_of(grouped, pretrained_on=["imagenet-1k"], names_are_words=False)
    found = opened(file, tmp_path)
    ids = np.array([3, 500, 4, 3])
    np.testing.assert_array_equal(of_images(found.images(ids)), file.features[ids])
    assert found.features.pretrained_on == ("imagenet-1k",)
    assert found.names_are_words is False
    assert found.fingerprint != grouped.fingerprint == found.drawn_as


@pytest.mark.parametrize("change", ["labels", "splits", "parts"])
def test_a_file_of_another_layout_is_drawn_by_its_own_fingerprint(dataset, tmp_path, change):
    file = file_of(dataset)
    if change == "labels":
        file.labels = file.labels[::-1].copy()
        file.labels[0] = 0
    elif change == "splits":
        file.splits[0] = "test"
    else:
        file.parts = ["test"] * len(file.labels)
    found = opened(file, tmp_path)
    assert found.drawn_as == found.fingerprint


def test_labels_in_any_order_are_sorted_by_class(tmp_path) -> None:
    features = np.arange(6, dtype=np.float16)[:, None]
    found = opened(FeatureFile(features, np.array([1, 0, 1, 0, 0, 1]), ["a", "b"]), tmp_path)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert of_images(found.images(np.arange(6)))[:, 0].tolist() == [1, 3, 4, 0, 2, 5]
    assert found.remarks == [
        "6 features are float16 in the file, and read as float32",
        "the file has no splits; all 2 classes are for the test",
    ]


def test_other_content_has_another_fingerprint(dataset, tmp_path) -> None:
    file = file_of(dataset)
    first = opened(file, tmp_path).fingerprint
    file.features[7, 2] += 1
    assert opened(file, tmp_path).fingerprint != first


def test_features_are_not_joined_with_images(dataset, tmp_path) -> None:
    file_of(dataset).save(tmp_path / "f.npz")
    places = Places(tmp_path, tmp_path / "cache")
    with pytest.raises(BenchbenchError, match="has features and no images"):
        Multi(f"features:{tmp_path / 'f.npz'},glyphs").problems(places)


def test_classes_of_one_name_are_counted(tmp_path, capsys) -> None:
    features, labels = np.eye(6, dtype=np.float32), np.arange(6)
    names = ["cat", "cat", "dog", "cat", "eel", "fox"]
    opened(FeatureFile(features, labels, names), tmp_path)
    assert "2 of the 6 classes have the name of another one" in capsys.readouterr().err
    parents = {"hierarchy": [[f"kind {n}"] for n in range(6)]}
    opened(FeatureFile(2 * features, labels, names, header=parents), tmp_path)
    assert "the name of another" not in capsys.readouterr().err
