"""Logistic regressions that are solved together are those that are solved alone."""

import numpy as np
import pytest
import torch

from benchbench.learners.binary_logistic import binary_logistic
from benchbench.learners.logistic import logistic_regression


@pytest.mark.parametrize("c", [0.1, 1.0, 10.0])
def test_each_is_the_two_class_problem(c: float) -> None:
    """Two classes have weights of opposite signs, whose penalty is half of that of one vector."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(40, 5)))
    y = torch.from_numpy((rng.random((40, 3)) < 0.4).astype(float))
    weights, biases = binary_logistic(x, y, c)
    two = torch.stack([1 - y, y], -1).permute(1, 0, 2).contiguous()
    alone, shift = logistic_regression(x.expand(3, -1, -1), two, c / 2)
    torch.testing.assert_close(weights.T, alone[..., 1] - alone[..., 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(biases, shift[..., 1] - shift[..., 0], atol=1e-5, rtol=0)


def test_the_gradient_is_zero_at_the_solution() -> None:
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(30, 4)))
    y = torch.from_numpy(rng.random((30, 2)))
    weights, biases = binary_logistic(x, y, 3.0)
    residual = torch.sigmoid(x @ weights + biases) - y
    torch.testing.assert_close(
        3.0 * x.T @ residual + weights, torch.zeros_like(weights), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(residual.sum(0), torch.zeros(2).double(), atol=1e-5, rtol=0)
