"""Files of features: what is written is read in each format, and what is wrong is said."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchbench.datasets.feature_file import ClassFacts, FeatureFile
from benchbench.datasets.feature_formats import FORMATS
from benchbench.errors import BenchbenchError

CONTENT = {
    "features": np.arange(12, dtype=np.float32).reshape(6, 2),
    "labels": np.array([0, 1, 0, 1, 2, 2]),
    "class_names": np.array(["cat", "dog", "Émeu"]),
}


def written(path: Path, **changes: object) -> Path:
    """A file made by hand; None leaves a name out."""
    content = {name: value for name, value in {**CONTENT, **changes}.items() if value is not None}
    np.savez(path / "made.npz", **content)
    return path / "made.npz"


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_written_is_read(tmp_path, ending, kind, whole) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    more = {
        "splits": ["train", "test", "test"],
        "parts": ["train", "test"] * 3,
        "groups": list("xyzxyz"),
        "header": {"fingerprint": "0a" * 32, "hierarchy": [["pets"], ["pets"], []]},
    }
    features = np.random.default_rng(0).normal(size=(6, 5)).astype(kind)
    names = CONTENT["class_names"].tolist()
    file = FeatureFile(features, CONTENT["labels"], names, **(more if whole else {}))
    path = tmp_path / f"f{ending}"
    file.save(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    found = FeatureFile.load(path)
    assert found.features.dtype == kind
    for name, value in asdict(file).items():
        np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)
    facts = ClassFacts.of(path, 3)
    assert (facts.splits, facts.header) == (file.splits, file.header)


def test_labels_may_be_names(tmp_path) -> None:
    path = written(tmp_path, labels=np.array(list("bbacac")), class_names=None)
    found = FeatureFile.load(path)
    assert found.class_names == ["a", "b", "c"]
    assert found.labels.tolist() == [1, 1, 0, 2, 0, 2]


def test_classes_without_names_are_numbered(tmp_path) -> None:
    found = FeatureFile.load(written(tmp_path, class_names=None))
    assert found.class_names == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": None}, "has no 'labels'"),
        ({"features": None}, "has no 'features'"),
        ({"features": np.full((6, 2), np.nan, np.float32)}, "6 of its 6 features are not finite"),
        ({"features": np.zeros(6, np.float32)}, r"features are float32 \[6\]"),
        ({"features": np.zeros((6, 2), int)}, r"features are int64 \[6, 2\]"),
        ({"features": np.zeros((0, 2), np.float32)}, r"features are float32 \[0, 2\]"),
        ({"labels": np.zeros(5, int)}, r"6 features and labels of shape \[5\]"),
        ({"labels": np.zeros(6)}, "labels are float64"),
        ({"labels": np.array([0, 1, 2, 3, -1, 0])}, "2 labels are outside 0 to 2"),
        ({"labels": np.array([0, 1] * 3)}, "class 'Émeu' has no features"),
        ({"labels": np.array(["cow"] * 6)}, "label 'cow' is not in class_names"),
        ({"class_names": np.array([1, 2, 3])}, "its class_names are not texts"),
        ({"splits": np.array(["train"] * 2)}, "there are 2 'splits' for 3"),
        ({"parts": np.array(["dev"] * 6)}, "'dev' is among its 'parts'"),
        ({"groups": np.array(["x"] * 7)}, "there are 7 'groups' for 6"),
        ({"header": np.array('{"fingerprint": "x"}')}, "its header is not one of"),
        ({"header": np.array("[1]")}, "its header is not one of"),
        ({"labels": np.array([{}] * 6)}, "no readable .npz file"),
    ],
)
def test_a_wrong_file_is_refused_with_one_sentence(tmp_path, changes, said) -> None:
    with pytest.raises(BenchbenchError, match=said) as error:
        FeatureFile.load(written(tmp_path, **changes))
    assert str(error.value).count(". ") == 0


@pytest.mark.parametrize("ending", FORMATS)
def test_damage_and_absence_are_said(tmp_path, ending) -> None:
    path = tmp_path / f"f{ending}"
    with pytest.raises(BenchbenchError, match=r"There is no file|pyarrow"):
        FeatureFile.load(path)
    path.write_bytes(b"PK\x03\x04 no file of any format")
    with pytest.raises(BenchbenchError, match=f"no readable {ending} file|pyarrow"):
        FeatureFile.load(path)


def test_another_ending_is_refused(tmp_path) -> None:
    with pytest.raises(BenchbenchError, match=r"these are \.npz, \.parquet, \.safetensors"):
        FeatureFile.load(tmp_path / "features.csv")


def test_parquet_vectors_of_several_lengths_are_refused(tmp_path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"features": [[1.0, 2.0], [3.0]], "labels": [0, 1]})
    parquet.write_table(table, tmp_path / "f.parquet")
    with pytest.raises(BenchbenchError, match="its features have 1 to 2 numbers"):
        FeatureFile.load(tmp_path / "f.parquet")


def test_a_parquet_table_of_others_is_read(tmp_path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    columns = {"features": rows, "labels": ["b", "a", "b"], "other": [1, 2, 3]}
    parquet.write_table(arrow.table(columns), tmp_path / "f.parquet")
    found = FeatureFile.load(tmp_path / "f.parquet")
    assert found.features.tolist() == rows
    assert found.labels.tolist() == [1, 0, 1]
