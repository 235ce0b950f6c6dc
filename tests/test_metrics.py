"""Metrics, and what a classifier may answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchbench.errors import MethodError
from benchbench.metrics import accuracy, checked_scores

LABELS = np.array([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (np.eye(3)[LABELS], 1.0),
        (-np.eye(3)[LABELS], 0.0),
        ([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], 0.5),
        ([[-1, -2, -3]] * 4, 0.5),
        (np.zeros((4, 3)), 0.5),
    ],
    ids=["right", "wrong", "half", "negative scores", "ties go to the first slot"],
)
def test_accuracy_known_answers(scores: Any, expected: float) -> None:
    assert accuracy(np.array(scores, dtype=float), LABELS) == expected


@settings(deadline=None)
@given(
    arrays(np.float64, (6, 3), elements=st.floats(-9, 9), unique=True), st.permutations(range(6))
)
def test_accuracy_does_not_depend_on_the_order_of_the_queries(scores, order) -> None:
    labels = np.array([0, 1, 2, 0, 1, 2])
    assert accuracy(scores[order], labels[order]) == accuracy(scores, labels)


@pytest.mark.parametrize(
    "scores",
    [
        [[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]],
        np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]], np.float16),
        torch.tensor([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]], requires_grad=True),
        torch.tensor([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]], dtype=torch.bfloat16),
    ],
    ids=["lists", "float16", "tensor with gradient", "bfloat16"],
)
def test_floats_of_any_kind_become_float64(scores: Any) -> None:
    found = checked_scores(scores, 3, 2)
    assert found.dtype == np.float64
    assert found.tolist() == [[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]]


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_scores_in_double_precision_keep_it(kind: Any) -> None:
    near = kind(np.array([[1.0, 1.0 + 1e-12]]))
    assert accuracy(checked_scores(near, 1, 2), np.array([1])) == 1.0


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros((2, 3)), r"shape \[2, 3\] in place of \[3, 2\]"),
        (np.zeros(3), r"shape \[3\] in place of \[3, 2\]"),
        (torch.zeros(3, 2, 1), r"shape \[3, 2, 1\] in place of \[3, 2\]"),
        (None, r"shape \[\] in place of \[3, 2\]"),
        (np.zeros((3, 2), int), "the scores are int64 in place of floats"),
        (torch.zeros(3, 2, dtype=torch.int64), "int64 in place of floats"),
        (np.zeros((3, 2), bool), "the scores are bool in place of floats"),
        (np.full((3, 2), "a"), "in place of floats"),
        (np.full((3, 2), np.nan), "NaN or infinity"),
        (np.full((3, 2), -np.inf), "NaN or infinity"),
        (torch.full((3, 2), torch.inf), "NaN or infinity"),
        ([[1.0, 2.0], [3.0], [4.0]], "scores"),
    ],
)
def test_any_other_answer_is_the_methods_error(scores: Any, message: str) -> None:
    with pytest.raises(MethodError, match=message):
        checked_scores(scores, 3, 2)


def test_one_bad_score_among_many_is_found() -> None:
    scores = np.zeros((3, 2))
    scores[2, 1] = np.nan
    with pytest.raises(MethodError, match="NaN"):
        checked_scores(scores, 3, 2)
