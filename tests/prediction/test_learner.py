"""A learner's answers: what they depend on, and what they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.creation import create_method
from benchbench.method import Support
from benchbench.prediction import learner as module
from benchbench.prediction.labelled import LabelledImages
from benchbench.prediction.learner import Learner, probabilities
from benchbench.prediction.pictures import PictureReader
from benchbench.prediction.printed import answer_rows, answers_text
from benchbench.prediction.trained import task_without_training
from benchbench.prediction.untrained import untrained
from benchbench.system.compute import Compute

SIDE = 16


def learner(method: str, names: tuple[str, ...] = ("cat", "dog", "owl")) -> Learner:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2 * len(names), SIDE, SIDE, 1), np.uint8)
    support = LabelledImages(images, np.repeat(np.arange(len(names)), 2), names)
    reader = PictureReader(SIDE, "L")
    return Learner(untrained(method, reader.image_shape, Compute()), support, reader)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 1), np.uint8)


def test_the_scores_are_those_of_the_method_itself() -> None:
    asked, images = learner("knn[backbone=pixels]"), pictures(5)
    method = create_method("knn[backbone=pixels]")
    asked.trained.restored(method, images)
    labels = torch.from_numpy(asked.support.labels)
    support = Support(Images.from_array(asked.support.images), labels, 3, "")
    expected = method.adapt(support)(Images.from_array(images))
    np.testing.assert_allclose(asked.scores(images), expected, rtol=1e-5)


def test_many_pictures_are_asked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, images = learner("linear_probe[backbone=pixels]"), pictures(7)
    whole = asked.scores(images)
    monkeypatch.setattr(module, "QUERIES_TOGETHER", 3)
    np.testing.assert_allclose(asked.scores(images), whole, rtol=1e-5)


def test_probabilities_keep_the_order_of_scores() -> None:
    scores = np.array([[0.0, np.log(3), 0.0], [1e4, 0, -1e4]])
    np.testing.assert_allclose(probabilities(scores), [[0.2, 0.6, 0.2], [1, 0, 0]])


def test_a_method_does_not_apply_without_words_for_its_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if it had weights from elsewhere, without which it would be refused before."""
    monkeypatch.setattr(
        "benchbench.prediction.untrained.task_without_training",
        lambda *of, **more: replace(task_without_training(*of, **more), has_training_classes=True),
    )
    asked = learner("clip_zero_shot", ("1", "2"))
    with pytest.raises(BenchbenchError, match="classes of the support have no names in words"):
        asked.say_differences()


def test_a_method_that_learns_from_classes_is_not_trained_on_none() -> None:
    with pytest.raises(BenchbenchError, match="name the folder of a run"):
        learner("clip_zero_shot").scores(pictures(1))
    with pytest.raises(BenchbenchError, match="this task has none; name the folder of a run"):
        learner("maml")


def test_rows_are_the_best_classes_first() -> None:
    scores = np.array([[0.0, 2.0, 1.0], [5.0, 5.0, 0.0]])
    rows = answer_rows(["a", "b"], ["x", "y", "z"], scores, 2)
    assert [(row["image"], row["rank"], row["class"]) for row in rows] == [
        ("a", 1, "y"),
        ("a", 2, "z"),
        ("b", 1, "x"),
        ("b", 2, "y"),
    ]


def test_names_are_no_formulas_and_no_ends_of_lines() -> None:
    rows = answer_rows(["=1+1\n.png"], ["x", "-y"], np.array([[0.0, 1.0]]), 1)
    _, line = answers_text(rows, "csv").splitlines()
    assert line.startswith(r"'=1+1\n.png,1,'-y,")
    assert r"=1+1\n.png" in answers_text(rows, "table")
