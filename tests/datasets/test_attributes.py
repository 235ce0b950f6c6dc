"""Attributes of classes: of the embedded data, of files, and that they go where they may."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.folders import open_folder, write_images
from support.sentences import one_sentence

from benchbench.datasets.attributes import ClassAttributes, joined_attributes, read_attributes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.errors import MethodError
from benchbench.evaluation.given import learned_part, question
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.participant import evaluate
from benchbench.method import Classifier, Method, Support, Task
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.source import TrainingSource

CSV = "class,red,round\ncat,1,0.5\ndog,0,2\nemu,-1,0\n"


class Describing(Method):
    """Keeps what it is given."""

    name = "describing"
    uses_attributes = True
    seen: torch.Tensor

    def adapt(self, support: Support) -> Classifier:
        self.seen = support.attributes
        return lambda images: np.zeros((len(images), support.n_way))


class Plain(Describing):
    uses_attributes = False


def described(dataset: OpenDataset) -> OpenDataset:
    """The data set with two attributes: a class's number, and that with the sign changed."""
    numbers = np.arange(len(dataset.class_names), dtype=np.float32)
    values = np.stack([numbers, -numbers], axis=1)
    return replace(dataset, attributes=ClassAttributes(("number", "minus"), values))


@pytest.fixture
def dataset(make_dataset) -> OpenDataset:
    return described(make_dataset(classes=(4, 3, 3), per_class=6))


def test_shapes_have_a_one_for_each_word_of_the_name() -> None:
    shapes = open_dataset("shapes")
    assert shapes.attributes is not None
    assert shapes.attributes.values.shape == (640, 23)
    for name, row in zip(shapes.class_names, shapes.attributes.values, strict=True):
        found = [word for word, value in zip(shapes.attributes.names, row, strict=True) if value]
        assert " ".join(found) == name
        assert set(row.tolist()) == {0.0, 1.0}


def test_a_table_beside_class_folders(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"dog": [10, 20], "cat": [30], "emu": [40]})
    plain = open_folder(root)
    (root / "attributes.csv").write_text(CSV)
    dataset = open_folder(root)
    assert plain.attributes is None
    assert dataset.fingerprint == plain.fingerprint
    assert dataset.remarks == plain.remarks
    assert dataset.attributes is not None
    assert dataset.attributes.names == ("red", "round")
    np.testing.assert_array_equal(dataset.attributes.values, [[1, 0.5], [0, 2], [-1, 0]])


def test_a_folder_in_place_of_the_table_is_said(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"dog": [10, 20], "cat": [30], "emu": [40]})
    (root / "attributes.csv").mkdir()
    dataset = open_folder(root)
    assert dataset.attributes is None
    said = f"attributes.csv in {root} is a folder and no table, so that no attributes are read."
    assert said in dataset.remarks
    (root / "attributes.csv" / "cats.csv").write_text(CSV)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root))
    assert f"attributes.csv in {archive} is a folder" in " ".join(open_folder(archive).remarks)


def test_a_table_of_a_folder_of_hugging_face(tmp_path: Path) -> None:
    write_images(tmp_path / "images", {"dog": [10, 20], "cat": [30], "emu": [40]})
    (tmp_path / "images" / "attributes.csv").write_text(CSV)
    dataset = open_dataset(f"hf:{tmp_path / 'images'}")
    assert dataset.attributes is not None
    order = [["cat", "dog", "emu"].index(name) for name in dataset.class_names]
    expected = np.array([[1, 0.5], [0, 2], [-1, 0]])[order]
    np.testing.assert_array_equal(dataset.attributes.values, expected)
    assert not any(".csv" in remark for remark in dataset.remarks)


def test_a_row_may_have_the_last_part_of_a_path() -> None:
    names = ["animals/cat", "animals/dog", "birds/emu"]
    remarks: list[str] = []
    found = read_attributes(CSV.encode() + b"yak,0,0\n", "x.csv", names, remarks.append)
    np.testing.assert_array_equal(found.values, [[1, 0.5], [0, 2], [-1, 0]])
    assert remarks == ["x.csv has rows of no class, left out: 1, such as 'yak'."]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it has no row below a heading"),
        (b"\xff\xfe", "it is not in UTF-8; save it anew"),
        (b"class\ncat\n", "0 attributes"),
        (b"class,red\ncat,1\ncat,2\n", "the class 'cat' has two rows"),
        (b"class,red\ncat,x\n", "'x' in the row of 'cat' is no number"),
        (b"class,red\ncat,nan\n", "'nan' in the row of 'cat' is not finite"),
        (b"class,red\ncat,1e300\n", "'1e300' in the row of 'cat' is not finite in float32"),
        (b"class,red\ncat,1,2\n", "the row of 'cat' has 2 numbers and the heading names 1"),
        (b"class,red,red\ncat,1,2\n", "two attributes have one name"),
        (b"class,red\nCat,1\n", "has no row, such as 'cat'; rows of no class: 1, such as 'Cat'"),
        (b"class;red\ncat;1\n", "no row, such as 'cat'; rows of no class: 1, such as 'cat;1'"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(content: bytes, says: str) -> None:
    with one_sentence(f"x.csv cannot be read.*{says if says != 'cannot be read' else ''}.*needs"):
        read_attributes(content, "x.csv", ["cat"], print)


def test_the_hash_is_of_names_and_values(dataset: OpenDataset) -> None:
    first = dataset.attributes
    assert first is not None
    again = ClassAttributes(first.names, first.values.copy())
    others = [
        ClassAttributes(("other", "minus"), first.values),
        ClassAttributes(first.names, first.values[::-1]),
    ]
    assert first.sha256 == again.sha256
    assert len({first.sha256, *(other.sha256 for other in others)}) == 3


def test_those_of_several_data_sets_are_joined_if_they_are_the_same(dataset: OpenDataset) -> None:
    one = dataset.attributes
    assert one is not None
    joined = joined_attributes([one, one])
    assert joined is not None
    np.testing.assert_array_equal(joined.values, np.concatenate([one.values, one.values]))
    assert joined_attributes([one, None]) is None
    assert joined_attributes([one, replace(one, names=("a", "b"))]) is None


def test_a_method_gets_them_by_slot_if_it_says_so(dataset: OpenDataset) -> None:
    episodes = FixedSampler(3, 0, 2).sample(ClassPool(dataset, "test"), 1)
    method = Describing()
    assert len(list(evaluate(method, dataset, episodes))) == 1
    numbers = torch.from_numpy(episodes[0].classes).float()
    torch.testing.assert_close(method.seen, torch.stack([numbers, -numbers], 1))
    with pytest.raises(MethodError, match="uses_attributes = True"):
        list(evaluate(Plain(), dataset, episodes))


def test_training_has_those_of_its_own_classes(dataset: OpenDataset) -> None:
    task = Task("toy", "x", dataset.image_shape, 3, 0, 2)
    learned = learned_part(dataset, Nonce(b"x" * 32))
    source = TrainingSource(learned, Describing(), task)
    torch.testing.assert_close(source.attributes[:, 0], torch.arange(4.0))
    validation = source.whole("val")
    torch.testing.assert_close(validation.attributes[:, 0], torch.arange(4.0, 7.0))
    assert torch.bincount(validation.labels).tolist() == [6, 6, 6]
    held_out = validation.images.array
    np.testing.assert_array_equal(held_out, dataset.images(np.arange(24, 42)))
    assert learned.attributes is not None
    assert np.isnan(learned.attributes.values[7:]).all()
    with pytest.raises(MethodError, match="uses_attributes = True"):
        _ = TrainingSource(learned, Plain(), task).attributes


def test_a_question_tells_them_only_if_asked(dataset: OpenDataset) -> None:
    episode = FixedSampler(3, 0, 2).sample(ClassPool(dataset, "test"), 1)[0]
    order = np.arange(len(episode.query))
    assert question(dataset, episode, order, 0, with_names=False).attributes is None
    told = question(dataset, episode, order, 0, with_names=False, with_attributes=True)
    assert told.attributes is not None
    np.testing.assert_array_equal(told.attributes[:, 0], episode.classes)


def test_a_task_without_them_is_skipped() -> None:
    task = Task("toy", "x", (4, 4, 1), 5, 0, 2, n_attributes=3)
    assert Describing().skip(task) is None
    assert "attributes" in str(Describing().skip(replace(task, n_attributes=0)))
    assert "0-shot" in str(Plain().skip(task))


def test_numbers_that_tell_no_class_apart_are_told() -> None:
    remarks: list[str] = []
    read_attributes(b"class,red\ncat,1\ndog,1\n", "x.csv", ["cat", "dog"], remarks.append)
    assert remarks == [
        "x.csv has the same numbers for all classes, so that nothing tells them apart."
    ]
