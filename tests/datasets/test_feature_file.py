"""Files of features: what is written is read in each format, and what is wrong is said."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchbench.datasets.attributes import ClassAttributes
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
        ({"header": np.array('{"pretrained_on": "imagenet-1k"}')}, "pretrained_on is no list of"),
        ({"header": np.array('{"pretrained_on": 5}')}, "pretrained_on is no list of texts"),
        ({"header": np.array('{"hierarchy": [["a"]]}')}, "hierarchy is no list for each class"),
        ({"class_names": np.array("cat")}, "its 'class_names' is no list"),
        ({"parts": np.array(3)}, "its 'parts' is no list"),
        ({"labels": np.array([{}] * 6)}, "its 'labels' are Python objects"),
        (
            {"labels": np.array([0, 1, 0, 1, 2, 10**12]), "class_names": None},
            "label 1000000000000 is larger than its 6 features need",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_one_sentence(tmp_path, changes, said) -> None:
    with pytest.raises(BenchbenchError, match=said) as error:
        FeatureFile.load(written(tmp_path, **changes))
    assert str(error.value).count(". ") == 0


def test_what_is_no_archive_is_not_said_to_be_a_pickle(tmp_path) -> None:
    (tmp_path / "f.npz").write_text("label,0,1")
    with pytest.raises(
        BenchbenchError, match=r"no readable \.npz file \(it is no archive"
    ) as error:
        FeatureFile.load(tmp_path / "f.npz")
    assert "pickle" not in str(error.value)


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


KNOWN = {
    "attributes": np.arange(6, dtype=np.float64).reshape(3, 2) / 3,
    "attribute_names": np.array(["striped", "größer"]),
}


@pytest.mark.parametrize("ending", FORMATS)
def test_attributes_come_back_in_each_format(tmp_path, ending) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    known = ClassAttributes(tuple(KNOWN["attribute_names"].tolist()), KNOWN["attributes"])
    path = tmp_path / f"f{ending}"
    FeatureFile(**{**CONTENT, "class_names": ["a", "b", "c"]}, attributes=known).save(path)
    for found in (FeatureFile.load(path).attributes, ClassFacts.of(path, 3).attributes):
        assert found.names == known.names
        np.testing.assert_array_equal(found.values, known.values)
        assert found.sha256 == known.sha256


def test_attributes_without_names_are_numbered(tmp_path) -> None:
    path = written(tmp_path, attributes=np.eye(3, 4, dtype=np.int64))
    found = FeatureFile.load(path).attributes
    assert found.names == ("1", "2", "3", "4")
    assert found.values.tolist() == np.eye(3, 4).tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attributes": None}, "has 'attribute_names' and no 'attributes'"),
        ({"attributes": np.zeros((4, 2))}, r"have the shape \[4, 2\] and it has 3 classes"),
        ({"attributes": np.zeros(3)}, r"have the shape \[3\]"),
        ({"attributes": np.zeros((3, 0))}, r"have the shape \[3, 0\]"),
        ({"attributes": np.array([["1", "2"]] * 3)}, "its attributes are no numbers"),
        ({"attributes": np.array([[0, np.nan], [0, 1], [np.inf, 2]])}, "2 of its 3 rows"),
        ({"attributes": np.full((3, 2), 1e300)}, "3 of its 3 rows of attributes are not finite"),
        ({"attribute_names": np.array(["striped"])}, "1 attributes have values of shape"),
        ({"attribute_names": np.array(["a", "a"])}, "two attributes have one name"),
        ({"attribute_names": np.array([1, 2])}, "its attribute_names are not texts"),
        ({"attribute_names": np.array(2)}, "its 'attribute_names' is no list"),
    ],
)
def test_a_wrong_table_of_attributes_is_refused(tmp_path, changes, said) -> None:
    path = written(tmp_path, **{**KNOWN, **changes})
    for read in (FeatureFile.load, lambda path: ClassFacts.of(path, 3)):
        with pytest.raises(BenchbenchError, match=said) as error:
            read(path)
        assert str(error.value).count(". ") == 0


def test_rows_of_attributes_of_several_lengths_are_refused(tmp_path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    metadata = {"attributes": "[[1, 2], [3], [4, 5]]"}
    tensors = {name: CONTENT[name] for name in ("features", "labels")}
    numpy.save_file(tensors, tmp_path / "f.safetensors", metadata)
    with pytest.raises(BenchbenchError, match="differ in length"):
        FeatureFile.load(tmp_path / "f.safetensors")
