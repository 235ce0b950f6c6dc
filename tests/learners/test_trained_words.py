"""Vectors of words that gensim learns from a corpus: repeatable, and near for words used alike."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gensim import models
from support.sentences import one_sentence

from benchbench.learners.class_vectors import create_class_vectors
from benchbench.learners.creation import create_method
from benchbench.learners.trained_words import LONGEST, Corpus
from benchbench.runs.method_card import weight_files

ANIMALS, VEHICLES = ["cat", "dog", "pet", "fur"], ["car", "bus", "road", "wheel"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = (" ".join(rng.choice((ANIMALS, VEHICLES)[i % 2], 8)) for i in range(2000))
    (tmp_path / "corpus.txt").write_text("\n".join(lines))
    return tmp_path / "corpus.txt"


def test_a_sentence_is_a_line_of_words_in_lower_case(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("A Sea_lion, barks.\n\nIt's\n" + "x " * (LONGEST + 1))
    first, empty_or_second, *long = Corpus(tmp_path / "corpus.txt")
    assert first == ["a", "sea", "lion", "barks"]
    assert empty_or_second == ["it", "s"]
    assert [len(part) for part in long] == [LONGEST, 1]


@pytest.mark.parametrize("name", ["word2vec", "fasttext"])
def test_words_that_are_used_alike_are_near_and_numbers_are_repeated(
    corpus: Path, name: str
) -> None:
    found = []
    for _ in range(2):
        made = create_class_vectors(f"{name}[corpus={corpus},size=20]")
        made.prepare([])
        found.append(made.vectors(["cat", "dog", "car", "train/cat_dog"]))
    assert found[0].dtype == torch.float64
    assert found[0].shape == (4, 20)
    assert torch.equal(*found)
    cat, dog, car, both = found[0]
    assert F.cosine_similarity(cat, dog, 0) > F.cosine_similarity(cat, car, 0) + 0.5
    assert torch.equal(both, (cat + dog) / 2)


def test_they_are_those_of_gensim_by_skip_grams_with_negative_sampling(corpus: Path) -> None:
    made = create_class_vectors(f"word2vec[corpus={corpus},size=8,negative=3,seed=4]")
    made.prepare([])
    expected = models.Word2Vec(
        [line.split() for line in corpus.read_text().splitlines()],
        **{"vector_size": 8, "negative": 3, "seed": 4, "min_count": 1},
        sg=1,
        hs=0,
        workers=1,
    )
    np.testing.assert_array_equal(made.vectors(["bus"])[0].numpy(), expected.wv["bus"])


def test_runs_of_letters_tell_words_that_the_corpus_lacks(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_letters = create_class_vectors(f"fasttext[corpus={corpus},size=20]")
    with_letters.prepare([])
    wheels, wheel, cat = with_letters.vectors(["wheels", "wheel", "cat"])
    assert F.cosine_similarity(wheels, wheel, 0) > F.cosine_similarity(wheels, cat, 0)
    without = create_class_vectors(f"word2vec[corpus={corpus},size=20]")
    without.prepare([])
    without.vectors(["cat wheels"])
    assert "lacks 1 words of names, such as 'wheels'" in capsys.readouterr().err
    with one_sentence("has no word of the class 'wheels'"):
        without.vectors(["wheels"])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.txt", None, "is no .txt file; it needs one with a sentence in each line"),
        ("corpus.csv", "a b", "is no .txt file"),
        ("empty.txt", " \n.\n", "has no words; it needs a sentence in each line"),
    ],
)
def test_what_is_no_corpus_is_told_before_anything_is_trained(
    tmp_path: Path, name: str, content: str | None, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with one_sentence(why):
        create_method(f"eszsl[vectors=word2vec[corpus={tmp_path / name}]]")


def test_a_library_that_is_not_there_has_a_cure(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gensim", raising=False)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "benchbench.learners.trained_words.find_spec",
        lambda name: None if name == "gensim" else found(name),
    )
    with one_sentence(r"needs gensim; run `pip install \"benchbench\[words\]\"`"):
        create_method(f"eszsl[vectors=fasttext[corpus={corpus}]]")


def test_a_run_knows_the_content_of_the_corpus(corpus: Path) -> None:
    method = create_method(f"eszsl[vectors=word2vec[corpus={corpus}]]")
    (first,) = weight_files(method)["weight_files"].values()
    corpus.write_text("cat dog")
    (second,) = weight_files(method)["weight_files"].values()
    assert first != second
