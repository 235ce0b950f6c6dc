"""Logistic regression against scikit-learn, and its two solvers against each other."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from benchbench.learners import logistic
from benchbench.learners.logistic import logistic_regression


@pytest.fixture(params=["newton", "lbfgs"], autouse=True)
def solver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test is made with both."""
    monkeypatch.setattr(logistic, "NEWTON_UNKNOWNS", 10**9 * (request.param == "newton"))
    return str(request.param)


@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
@pytest.mark.parametrize(("way", "shot", "width"), [(3, 1, 40), (5, 5, 8), (2, 20, 3)])
def test_it_agrees_with_scikit_learn(way: int, shot: int, width: int, c: float) -> None:
    rng = np.random.default_rng(way)
    labels = np.repeat(np.arange(way), shot)
    problems = rng.normal(size=(4, way * shot, width)) + labels[None, :, None] * 0.5
    y = F.one_hot(torch.from_numpy(labels), way).double().expand(4, -1, -1)
    weights, biases = logistic_regression(torch.from_numpy(problems), y, c)
    queries = rng.normal(size=(50, width))
    for problem, weight, bias in zip(problems, weights.numpy(), biases.numpy(), strict=True):
        # Of two classes scikit-learn fits the difference of the weights, whose penalty is halved.
        strength = 2 * c if way == 2 else c
        theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=100_000).fit(problem, labels)
        logits = queries @ weight + bias
        ours = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        np.testing.assert_allclose(ours, theirs.predict_proba(queries), atol=1e-4)


def test_the_gradient_vanishes_at_the_solution() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 12, 30).double()
    y = F.one_hot(torch.arange(12) % 4).double().expand(3, -1, -1)
    weights, biases = logistic_regression(x, y, c=2.0)
    residual = torch.softmax(x @ weights + biases[:, None], dim=-1) - y
    assert (2.0 * x.mT @ residual + weights).abs().max() < 1e-5
    assert residual.sum(1).abs().max() < 1e-5


def test_a_row_of_zeros_leaves_its_image_out() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 9, 4, generator=generator).double()
    y = F.one_hot(torch.arange(9) % 3).double()[None]
    without = y.clone()
    without[:, 5] = 0
    kept = [0, 1, 2, 3, 4, 6, 7, 8]
    for ours, expected in zip(
        logistic_regression(x, without, 3.0),
        logistic_regression(x[:, kept], y[:, kept], 3.0),
        strict=True,
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_both_solvers_find_one_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 40, 10, generator=generator).double()
    y = F.one_hot(torch.arange(40) % 5).double().expand(2, -1, -1)
    found = []
    for unknowns in (0, 10**9):
        monkeypatch.setattr(logistic, "NEWTON_UNKNOWNS", unknowns)
        found.append(logistic_regression(x, y, 10.0))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_a_penalty_too_weak_for_rounding_separates_what_can_be_separated() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 60, 20, generator=generator).double()
    labels = (10 * x[0, :, 0]).argsort().argsort() // 20
    weights, biases = logistic_regression(x, F.one_hot(labels).double()[None], 1e15)
    assert ((x @ weights + biases).argmax(2)[0] == labels).all()
