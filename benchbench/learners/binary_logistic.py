"""Logistic regressions of several yes-no questions about the same features, solved together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from torch import Tensor

from benchbench.system.arrays import FloatArray

BIAS_PENALTY = 1e-9
GRADIENT = 1e-6
"""The largest entry of the gradient at which it ends, where the curvature is at most one."""
MOST_STEPS = 1000


def binary_logistic(x: Tensor, y: Tensor, c: float) -> tuple[Tensor, Tensor]:
    """Weights [d, k] and biases [k] for features x [n, d] and answers y [n, k] in 0 to 1.

    For each question they minimise c * (sum of cross-entropies) + |w|^2 / 2 without a penalty on
    the bias. The questions are one problem of L-BFGS, in coordinates in which the curvature is at
    most one, so that all are solved in some hundred passes over the features. All is float64.
    """
    z = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    penalty = torch.ones_like(z[0])
    penalty[-1] = BIAS_PENALTY
    # The curvature of a cross-entropy is at most 1/4.
    root = torch.linalg.cholesky(c / 4 * (z.T @ z) + penalty.diag())

    def original(flat: FloatArray) -> Tensor:
        u = torch.from_numpy(flat).reshape(len(penalty), -1)
        found: Tensor = torch.linalg.solve_triangular(root.T, u, upper=True)
        return found

    def value_and_gradient(flat: FloatArray) -> tuple[float, FloatArray]:
        w = original(flat)
        logits = z @ w
        value = c * F.binary_cross_entropy_with_logits(logits, y, reduction="sum")
        value = value + (penalty[:, None] * w * w).sum() / 2
        slopes = c * (z.T @ (logits.sigmoid() - y)) + penalty[:, None] * w
        gradient = torch.linalg.solve_triangular(root, slopes, upper=False)
        return float(value), np.asarray(gradient.flatten().numpy(), np.float64)

    options: Any = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "gtol": GRADIENT, "ftol": 0}
    start = np.zeros(z.shape[1] * y.shape[1])
    found = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    w = original(np.asarray(found.x))
    return w[:-1], w[-1]
