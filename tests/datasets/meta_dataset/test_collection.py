"""`meta_dataset` as a whole: the sources that are here, one training, each with its own test."""

from pathlib import Path

import numpy as np
import pytest
from support.opened import split_sizes
from support.tfrecord_writer import plain, write_class

from benchbench.datasets.base import SPLITS
from benchbench.datasets.meta_dataset import collection
from benchbench.datasets.meta_dataset import dataset as dataset_module
from benchbench.datasets.meta_dataset.collection import MetaDataset
from benchbench.datasets.meta_dataset.dataset import MetaDatasetSource
from benchbench.datasets.meta_dataset.spec import SourceSpec, source_spec
from benchbench.datasets.opening import open_dataset, open_problems, prepare
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places

CLASSES = {"dtd": (3, 1, 2), "aircraft": (2, 2, 2), "traffic_sign": (0, 0, 4)}


def small(name: str) -> SourceSpec:
    spec = source_spec(name)
    kept = {
        split: spec.classes[split][:count]
        for split, count in zip(SPLITS, CLASSES.get(name, (1, 1, 1)), strict=True)
    }
    names = [each for split in SPLITS for each in kept[split]]
    words = {each: spec.words[each] for each in names}
    return SourceSpec(name, spec.title, kept, dict.fromkeys(names, 3), words=words)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Three small sources as records."""
    for module in (dataset_module, collection):
        monkeypatch.setattr(module, "source_spec", small)
    for name in CLASSES:
        folder = tmp_path / "data" / "meta_dataset" / name
        for label in range(len(small(name).class_names)):
            images = [plain(10 * label + image, (20, 10)) for image in range(3)]
            write_class(folder / f"{label}.tfrecords", label, images)
    return Places(tmp_path / "data", tmp_path / "cache")


def test_only_sources_that_are_here_are_tested_on(places: Places) -> None:
    problems = open_problems("meta_dataset[train=all,size=6]", places)
    assert [problem.spec for problem in problems] == [
        f"meta_dataset[size=6,train=all,test_source={name}]"
        for name in ("aircraft", "dtd", "traffic_sign")
    ]


def test_all_sources_with_training_classes_are_learnt_from(places: Places) -> None:
    (problem,) = open_problems("meta_dataset[size=6,train=all,test_source=traffic_signs]", places)
    assert problem.name == "traffic_sign"
    assert problem.collection == "meta_dataset[size=6,train=all]"
    assert problem.test.name == "meta_dataset:traffic_sign[size=6]"
    assert split_sizes(problem.test) == (0, 0, 4)
    assert list(problem.train.members or {}) == ["aircraft", "dtd"]
    assert split_sizes(problem.train) == (5, 3, 0)


def test_one_source_is_learnt_from(places: Places) -> None:
    (problem,) = open_problems("meta_dataset[size=6,train=textures,test_source=aircraft]", places)
    alone = open_dataset("meta_dataset/aircraft[size=6]", places)
    assert list(problem.train.members or {}) == ["dtd"]
    assert problem.test.fingerprint == alone.fingerprint
    np.testing.assert_array_equal(problem.test.splits["test"], alone.splits["test"])


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("meta_dataset[size=6]", "learn from ilsvrc_2012, which is not here.* use train=all, or"),
        ("meta_dataset[train=coco,test_source=dtd]", "learn from mscoco"),
        ("meta_dataset[train=signs,test_source=dtd]", "has no training classes"),
        ("meta_dataset[train=everything]", "no source of Meta-Dataset named 'everything'"),
        ("meta_dataset[test_source=birdz]", "did you mean birds"),
        ("meta_dataset[train=all,test_source=fungi]", "data prepare meta_dataset/fungi --from"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(spec: str, sentence: str, places: Places) -> None:
    with pytest.raises(BenchbenchError, match=sentence):
        open_problems(spec, places)


def test_all_sources_are_not_one_data_set(places: Places) -> None:
    with pytest.raises(BenchbenchError, match="test_source=NAME"):
        open_dataset("meta_dataset[train=all]", places)


def test_what_was_prepared_counts_as_it_was_prepared(places: Places, tmp_path: Path) -> None:
    (places.data_root / "meta_dataset" / "dtd").rename(tmp_path / "elsewhere")
    prepare(MetaDatasetSource("dtd", size=6), places, tmp_path / "elsewhere")
    for size, here in ((6, True), (7, False)):
        assert ("dtd" in MetaDataset(size=size).sources_here(places)) == here


def test_nothing_is_here(tmp_path: Path) -> None:
    empty = Places(tmp_path / "data", tmp_path / "cache")
    assert MetaDataset().sources_here(empty) == []
    with pytest.raises(BenchbenchError, match="data prepare meta_dataset/SOURCE --from PATH"):
        open_problems("meta_dataset", empty)
