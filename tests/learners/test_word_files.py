"""Text files of word vectors: what is read of one, and what is refused at its head or later."""

from pathlib import Path

import pytest
from support.sentences import one_sentence

from benchbench.learners import word_files
from benchbench.learners.word_files import check_word_file, word_vectors


def written(folder: Path, content: str) -> str:
    (folder / "words.txt").write_text(content)
    return str(folder / "words.txt")


@pytest.mark.parametrize(
    "content",
    ["sea 1 2\nlion 3 4\n", "2 2\nsea 1 2 \nlion 3 4 \n", "sea 1 2\n. . . 3 4\nlion 3 4\n\n"],
)
def test_words_with_their_numbers(tmp_path: Path, content: str) -> None:
    """As GloVe and fastText write them, a word with spaces among them."""
    path = written(tmp_path, content)
    check_word_file(path)
    found = word_vectors(path, ["sea", "lion", "yak"])
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "sea": [1, 2],
        "lion": [3, 4],
    }


def test_words_below_the_head_are_told_when_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "sea 1 2\nlion 3\n")
    with one_sentence("'lion' has 1 numbers and the first word 2"):
        check_word_file(path)
    monkeypatch.setattr(word_files, "LOOKED_AT", 1)
    check_word_file(path)
    with one_sentence("its vectors differ in length"):
        word_vectors(path, ["sea", "lion"])
