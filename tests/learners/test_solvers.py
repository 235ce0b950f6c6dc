"""The solvers against closed forms and scikit-learn's, and their gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC
from support.features import overlapping_classes
from torch import Tensor

from benchbench.learners.solvers import crammer_singer, on_simplex, ridge


@pytest.mark.parametrize("lam", [0.1, 50.0])
@pytest.mark.parametrize("size", [6, 30])
def test_the_ridge_is_scikit_learns(lam: float, size: int) -> None:
    features, labels = overlapping_classes(size=size)
    one_hot = F.one_hot(labels).double()
    weights = features.T @ ridge(features @ features.T, one_hot, lam)
    theirs = Ridge(alpha=lam, fit_intercept=False).fit(features, one_hot).coef_.T
    np.testing.assert_allclose(weights, theirs, atol=1e-12)


def test_a_large_penalty_leaves_the_sums_of_products() -> None:
    features, labels = overlapping_classes()
    one_hot = F.one_hot(labels).double()
    dual = ridge(features @ features.T, one_hot, 1e9)
    torch.testing.assert_close(1e9 * dual, one_hot, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("c", "diagonal", "size"),
    [(0.1, 0.0, 0.1), (0.1, 1.0, 0.1), (10.0, 0.0, 0.5), (10.0, 1.0, 0.25)],
)
def test_the_dual_of_two_orthogonal_images(c: float, diagonal: float, size: float) -> None:
    kernel = torch.eye(2, dtype=torch.float64)
    dual = crammer_singer(kernel, torch.eye(2).double(), c, diagonal)
    expected = size * torch.tensor([[1, -1], [-1, 1]], dtype=torch.float64)
    torch.testing.assert_close(dual, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("c", [0.1, 1.0, 10.0])
def test_the_machine_is_scikit_learns(c: float) -> None:
    features, labels = overlapping_classes()
    dual = crammer_singer(features @ features.T, F.one_hot(labels).double(), c, 0.0)
    svc = LinearSVC(
        multi_class="crammer_singer", C=c, fit_intercept=False, tol=1e-12, max_iter=10**6
    )
    theirs = svc.fit(features.numpy(), labels.numpy()).coef_.T
    np.testing.assert_allclose(features.T @ dual, theirs, atol=1e-7)


def test_the_nearest_rows_of_a_simplex() -> None:
    rows = torch.tensor([[0.5, 0.5, 0.5], [2.0, 0.0, -1.0], [0.3, 0.9, -5.0]], dtype=torch.float64)
    expected = [[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.2, 0.8, 0]]
    torch.testing.assert_close(on_simplex(rows, 1.0), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("solver", ["ridge", "crammer_singer"])
def test_solutions_have_the_gradients_of_finite_differences(solver: str) -> None:
    features, labels = overlapping_classes(n=7, way=3)
    one_hot = F.one_hot(labels).double()

    def weights(known: Tensor) -> Tensor:
        kernel = known @ known.T
        if solver == "ridge":
            return known.T @ ridge(kernel, one_hot, 2.0)
        return known.T @ crammer_singer(kernel, one_hot, 0.3, diagonal=1.0)

    assert torch.autograd.gradcheck(weights, features.requires_grad_(), atol=1e-5)


def test_the_machine_is_feasible_and_favours_the_right_class() -> None:
    features, labels = overlapping_classes()
    one_hot = F.one_hot(labels).double()
    dual = crammer_singer(features @ features.T, one_hot, 0.5)
    slack = 0.5 * one_hot - dual
    assert (slack >= -1e-7).all()
    torch.testing.assert_close(slack.sum(1), torch.full((12,), 0.5).double())
    assert (dual[one_hot == 1] >= -1e-7).all()
