"""What a folder's or a list's name means for the split, and what means nothing."""

import pytest

from benchbench.datasets.split_words import split_named


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (
            "train",
            "train Train TRAINING train2017 training_set trainset train-images meta-train base",
        ),
        ("val", "val valid Validation DEV val2 valset Validation_set meta_val"),
        ("test", "test Testing test1 test_set Evaluation testdata novel"),
        (None, "trainer cat traintest latest contest devil train_val holdout 17 été 訓練"),
    ],
)
def test_the_words_of_a_split(split: str | None, names: str) -> None:
    found = {name: split_named(name) for name in names.split()}
    assert found == dict.fromkeys(names.split(), split)


def test_words_with_spaces() -> None:
    assert split_named("Test set (1)") == "test"
    assert split_named("train station") is None
    assert split_named("") is None
