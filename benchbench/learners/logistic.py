"""Multinomial logistic regression with an L2 penalty, solved to the last digits that count.

It minimises c * (sum of cross-entropies) + |W|^2 / 2 without a penalty on the biases, as
scikit-learn does. All is float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchbench.system.arrays import FloatArray

NEWTON_STEPS = 50
NEWTON_UNKNOWNS = 2000
"""Up to so many a Newton step is solved exactly; its matrix has the square of that."""
TOLERANCE = 1e-10
LBFGS_STEPS = 10_000
LBFGS_GRADIENT = 1e-6
"""The largest entry of the gradient at which L-BFGS ends, as a multiple of c if c is below 1."""
BIAS_PENALTY = 1e-9


def logistic_regression(x: Tensor, y: Tensor, c: float) -> tuple[Tensor, Tensor]:
    """Weights [b, d, k] and biases [b, k] for features x [b, n, d] and one-hot labels y [b, n, k].

    The weights lie in the span of the features (representer theorem), so that the problem is solved
    on coordinates of that span, of which there are at most n: by damped Newton steps, or where
    these have too many unknowns by L-BFGS, problem by problem. Equal shifts of all biases change
    nothing, and a tiny penalty on the biases makes the solution unique. A row of y that is zero
    leaves its image out.
    """
    basis, coordinates = torch.linalg.qr(x.mT)  # x.mT = basis @ coordinates
    z = torch.cat([coordinates.mT, torch.ones_like(x[..., :1])], dim=-1)
    penalty = torch.ones(z.shape[-1], dtype=x.dtype)
    penalty[-1] = BIAS_PENALTY
    if z.shape[-1] * y.shape[-1] <= NEWTON_UNKNOWNS:
        w = _by_newton(z, y, c, penalty)
    else:
        w = torch.stack([_by_lbfgs(*each, c, penalty) for each in zip(z, y, strict=True)])
    return basis @ w[:, :-1], w[:, -1]


def _by_newton(z: Tensor, y: Tensor, c: float, penalty: Tensor) -> Tensor:
    """The solutions [b, m, k] for coordinates z [b, n, m]."""
    w = z.new_zeros(len(z), z.shape[-1], y.shape[-1])
    value = objective(w, z, y, c, penalty)
    for _ in range(NEWTON_STEPS):
        step, decrease = _newton_step(w, z, y, c, penalty)
        if decrease.max() < TOLERANCE:
            break
        size = torch.ones_like(value)
        for _ in range(30):  # each halves the steps that go too far
            trial = objective(w - size[:, None, None] * step, z, y, c, penalty)
            too_far = trial > value - 1e-4 * size * decrease
            if not too_far.any():
                break
            size = torch.where(too_far, size / 2, size)
        w = w - size[:, None, None] * step
        value = objective(w, z, y, c, penalty)
    return w


def objective(w: Tensor, z: Tensor, y: Tensor, c: float, penalty: Tensor) -> Tensor:
    """c * cross-entropy + |w|^2 / 2 of each problem [b]."""
    losses = -(torch.log_softmax(z @ w, dim=-1) * y).sum((1, 2))
    return c * losses + (penalty[:, None] * w.square()).sum((1, 2)) / 2


def _newton_step(
    w: Tensor, z: Tensor, y: Tensor, c: float, penalty: Tensor
) -> tuple[Tensor, Tensor]:
    """The Newton direction [b, m, k] and the slope along it [b]."""
    present = y.sum(-1, keepdim=True)
    p = torch.softmax(z @ w, dim=-1)
    gradient = c * z.mT @ (p * present - y) + penalty[:, None] * w
    curvature = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]  # [b, n, k, k]
    hessian = c * torch.einsum("bni,bnj,bnkl->bikjl", z * present, z, curvature)
    size = w.shape[1] * w.shape[2]
    ridge = penalty.repeat_interleave(w.shape[2]).diag()
    step = torch.linalg.solve(hessian.reshape(-1, size, size) + ridge, gradient.flatten(1))
    return step.reshape_as(w), (step * gradient.flatten(1)).sum(1)


def _by_lbfgs(z: Tensor, y: Tensor, c: float, penalty: Tensor) -> Tensor:
    """The solution [m, k] of one problem, for coordinates z [n, m]."""
    from scipy.optimize import minimize

    shape = z.shape[-1], y.shape[-1]
    present = y.sum(-1, keepdim=True)

    def value_and_gradient(flat: FloatArray) -> tuple[float, FloatArray]:
        w = torch.from_numpy(flat).reshape(shape)
        log_p = torch.log_softmax(z @ w, dim=-1)
        penalised = penalty[:, None] * w
        value = -c * (log_p * y).sum() + (penalised * w).sum() / 2
        gradient = c * z.T @ (log_p.exp() * present - y) + penalised
        return float(value), np.asarray(gradient.flatten().numpy(), np.float64)

    limits = {"maxiter": LBFGS_STEPS, "maxfun": 2 * LBFGS_STEPS}
    enough = {"gtol": LBFGS_GRADIENT * min(1.0, c), "ftol": 64 * np.finfo(float).eps}
    start = np.zeros(shape[0] * shape[1])
    options: Any = {**limits, **enough, "maxcor": 20}
    found = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    return torch.from_numpy(np.asarray(found.x)).reshape(shape)
