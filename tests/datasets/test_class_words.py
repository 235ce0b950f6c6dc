"""Names that are words, and names that only look like them."""

import pytest

from benchbench.datasets.class_words import are_words


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["cat", "dog"], True),
        (["train/cat", "test/17"], True),
        (["00", "01"], False),
        (["n01532829", "val/n01558993"], False),
        (["n01532829/images", "n01558993/images"], False),
        (["cat/images", "dog/images", "elk/images"], False),
        (["class_1", "class_2", "Class 3"], False),
        (["cat", "n01532829", "n01558993"], False),
        (["pets/dog", "wild/dog", "cat", "elk"], True),
        (["n01532829 house finch", "n01558993 robin"], True),
        (["boeing 737", "boeing 747", "piper", "cessna"], True),
        (["False", "True"], False),
        (["no", "Yes"], False),
        (["猫", "犬"], True),
        (["größe", "été"], True),
    ],
)
def test_names_that_are_words(names: list[str], words: bool) -> None:
    assert are_words(names) is words
