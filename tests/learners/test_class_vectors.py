"""Vectors of class names: words, files of word vectors, and models that are not here."""

import builtins
import sys
import types
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.sentences import one_sentence

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.datasets.problem import Problem
from benchbench.errors import BenchbenchError
from benchbench.evaluation.participant import evaluate
from benchbench.evaluation.task import task_of
from benchbench.learners import class_vectors
from benchbench.learners.class_vectors import create_class_vectors
from benchbench.learners.creation import create_method
from benchbench.learners.described import DescribedMethod
from benchbench.method import Task
from benchbench.runs.method_card import weight_files
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource

TASK = Task("toy", "x", (8, 8, 1), 5, 0, 2)


def test_a_bag_of_words_is_of_the_training_classes() -> None:
    made = create_class_vectors("words")
    made.prepare(["red square", "Blue_square"])  # blue, red, square
    found = made.vectors(["red red square", "train/red/green square", "blue"])
    assert found.tolist() == [[0, 2, 1], [0, 0, 1], [1, 0, 0]]
    assert found.dtype == torch.float64


def test_words_of_shapes_are_their_attributes() -> None:
    shapes = open_dataset("shapes")
    made = create_class_vectors("words")
    made.prepare([shapes.class_names[c] for c in shapes.splits["train"]])
    assert shapes.attributes is not None
    order = np.argsort(shapes.attributes.names)
    found = made.vectors(shapes.class_names).numpy()
    np.testing.assert_array_equal(found, shapes.attributes.values[:, order])


GLOVE = "the 0 0\nsea 1 2\nlion 3 -4\nRose 5 6\n"


@pytest.mark.parametrize("heading", ["", "4 2\n"])
def test_a_name_is_the_mean_of_its_words_in_a_file(
    tmp_path: Path, heading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "glove.txt").write_text(heading + GLOVE)
    made = create_class_vectors(f"file[weights={tmp_path / 'glove.txt'}]")
    made.prepare([])
    found = made.vectors(["sea_lion", "rose", "blue sea"])
    assert found.tolist() == [[2, -1], [5, 6], [1, 2]]
    assert "lacks 1 words of names, such as 'blue'" in capsys.readouterr().err
    with one_sentence("has no word of the class 'yak'"):
        made.vectors(["yak"])


def test_a_word_in_lower_case_goes_before_one_with_capitals(tmp_path: Path) -> None:
    """Files of frequent words first have Apple, the company, before the fruit, or behind it."""
    (tmp_path / "w.txt").write_text("Apple 1 1\napple 2 2\nAPPLE 3 3\napple 4 4\nRose 5 6\n")
    made = create_class_vectors(f"file[weights={tmp_path / 'w.txt'}]")
    made.prepare([])
    assert made.vectors(["apple", "rose"]).tolist() == [[2, 2], [5, 6]]


def test_a_file_that_is_not_there_is_told_before_anything_is_trained() -> None:
    with one_sentence("There is no file none.txt of word vectors; weights= takes the path of"):
        create_method("eszsl[vectors=file[weights=none.txt]]")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"sea 1 x\n", "could not convert"),
        (b"sea 1 2\nlion 3\n", "'lion' has 1 numbers and the first word 2"),
        (b"sea 1 2\nlion 3 4 5\n", "'lion' has 3 numbers and the first word 2"),
        (b"", "it has no vectors"),
        (b"\n\n", "it has no vectors"),
        (b"2 300\n", "it has no vectors"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "it is no text"),
    ],
)
def test_a_file_that_is_none_is_told_before_anything_is_trained(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "glove.txt").write_bytes(content)
    with one_sentence(f"cannot be read .{why}.*; it needs a word and its numbers in each line"):
        create_method(f"eszsl[vectors=file[weights={tmp_path / 'glove.txt'}]]")


def test_what_is_no_source_is_told_with_all_that_are() -> None:
    with one_sentence("known: attributes, clip, fasttext, file, minilm, word2vec, words"):
        create_method("eszsl[vectors=nope]")
    with one_sentence("did you mean attributes"):
        create_method("eszsl[vectors=attributs]")
    with one_sentence("vectors=attributes takes no parameters"):
        create_method("eszsl[vectors=attributes[size=3]]")


def test_a_run_knows_the_content_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_text(GLOVE)
    method = create_method(f"eszsl[vectors=file[weights={file}]]")
    (first,) = weight_files(method)["weight_files"].values()
    file.write_text(GLOVE + "x 1 1\n")
    (second,) = weight_files(method)["weight_files"].values()
    assert first != second


class FakeSentences:
    """Stands in for the model, which is large: the length of a text, and its number of words."""

    def __init__(self, folder: str, device: str) -> None:
        assert (Path(folder) / "config.json").read_text() == "{}"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), len(text.split())] for text in texts], np.float32)


def test_sentence_vectors_are_of_names_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("config.json", "{}")
    package: Any = types.ModuleType("all_minilm_l6_v2")
    package.get_model_zip_path = lambda: tmp_path / "model.zip"
    library: Any = types.ModuleType("sentence_transformers")
    library.SentenceTransformer = FakeSentences
    monkeypatch.setitem(sys.modules, "all_minilm_l6_v2", package)
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    made = create_class_vectors("minilm")
    made.prepare([])
    assert made.vectors(["sea_lion", "rose"]).tolist() == [[8, 2], [4, 1]]


def test_a_library_that_is_not_there_has_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name in ("all_minilm_l6_v2", "sentence_transformers"):
            raise ImportError(f"No module named '{name}'")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with one_sentence(r"run `pip install \"benchbench\[sentences\]\"`"):
        create_class_vectors("minilm").vectors(["sea"])


class FakeTower:
    """Embeds a text by its length and by its number of words."""

    pretrained_on = ("laion2b",)

    def encode_text(self, texts: list[str]) -> torch.Tensor:
        return torch.tensor([[float(len(text)), float(len(text.split()))] for text in texts])


def test_the_text_tower_of_clip_has_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_vectors, "create_backbone", lambda *_: FakeTower())
    made = create_class_vectors("clip[model=ViT-B-32/openai,template=a {}]")
    made.prepare([])
    unit = torch.nn.functional.normalize(torch.tensor([[10.0, 3.0]]), dim=1).double()
    torch.testing.assert_close(made.vectors(["sea lion"]), unit)
    assert made.pretrained_on == ("laion2b",)


@pytest.mark.parametrize(
    ("model", "cure"),
    [("tiny", "needs a CLIP with weights, such as model="), ("ViT-B-32", "with weights, such as")],
)
def test_a_clip_without_weights_is_told_before_anything_is_trained(model: str, cure: str) -> None:
    with one_sentence(cure):
        create_method(f"eszsl[vectors=clip[model={model}]]")


def test_classes_without_attributes_that_have_names_have_a_cure() -> None:
    cure = "; give it vectors of their names by vectors=NAME"
    known = replace(TASK, has_training_classes=True, n_attributes=0)
    for words in (True, False):
        reason = create_method("eszsl").skip(replace(known, has_class_names=words))
        assert reason is not None
        assert "this task's have none" in reason
        assert (cure in reason) == words
    assert create_method("eszsl[vectors=words]").skip(known) is None


def test_mistakes_are_one_sentence() -> None:
    with pytest.raises(
        BenchbenchError, match="no source of class vectors named 'word'; did you mean words"
    ):
        create_method("eszsl[vectors=word]")
    with pytest.raises(BenchbenchError, match="weights"):
        create_method("eszsl[vectors=file]")


def test_a_method_of_names_reads_names_and_no_attributes() -> None:
    named, plain = create_method("eszsl[vectors=words]"), create_method("eszsl")
    assert (named.uses_class_names, named.uses_attributes) == (True, False)
    assert (plain.uses_class_names, plain.uses_attributes) == (False, True)
    assert named.skip(TASK) is None
    assert "names" in str(named.skip(replace(TASK, has_class_names=False)))
    assert "attributes" in str(plain.skip(TASK))
    assert "training classes" in str(named.skip(replace(TASK, has_training_classes=False)))


def test_words_give_the_scores_of_attributes_that_are_words(make_dataset) -> None:
    """Names of two words; the attributes are the words."""
    data: OpenDataset = make_dataset(classes=(8, 4, 4), per_class=6)
    names = [f"{'abcd'[i % 4]}x {'efgh'[i // 4]}y" for i in range(16)]
    words = sorted({word for name in names[:8] for word in name.split()})
    values = np.array([[word in name.split() for word in words] for name in names], np.float32)
    data = replace(data, class_names=names, attributes=ClassAttributes(tuple(words), values))
    episodes = FixedSampler(4, 0, 4).sample(ClassPool(data, "test"), 2)
    found = []
    for vectors in ("attributes", "words"):
        method = create_method(f"eszsl[backbone=pixels,gamma=1,lam=1,vectors={vectors}]")
        assert isinstance(method, DescribedMethod)
        task = task_of(Problem.of(data), episodes)
        method.train(TrainingSource(data, method, task, Budget("smoke")))
        found.append(np.concatenate([one.scores for one in evaluate(method, data, episodes)]))
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
