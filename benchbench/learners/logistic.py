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
NEWTON_UNKNOWNS = 300
"""Up to so many Newton's steps are faster; their matrix has the square of that."""
TOLERANCE = 1e-10
LBFGS_STEPS = 10_000
FIRST_STEPS = 20
"""Of L-BFGS, before the curvature is looked at once more."""
LBFGS_GRADIENT = 1e-7
"""The largest entry of the gradient at which L-BFGS ends, where the curvature is nearly one."""
BIAS_PENALTY = 1e-9
MOST_CURVATURE = 1e12
"""Beyond it the root of the curvature is lost to rounding."""


def logistic_regression(x: Tensor, y: Tensor, c: float) -> tuple[Tensor, Tensor]:
    """Weights [b, d, k] and biases [b, k] for features x [b, n, d] and one-hot labels y [b, n, k].

    The weights lie in the span of the features (representer theorem), so that no problem has more
    than n coordinates. It is solved by damped Newton steps, or where these have too many unknowns
    by L-BFGS, problem by problem. Equal shifts of all biases change nothing, and a tiny penalty on
    the biases makes the solution unique. A row of y that is zero leaves its image out.
    """
    unknowns = (min(x.shape[1:]) + 1) * y.shape[-1]
    if unknowns > NEWTON_UNKNOWNS:
        found = [_by_lbfgs(*each, c) for each in zip(x, y, strict=True)]
        weights, biases = zip(*found, strict=True)
        return torch.stack(weights), torch.stack(biases)
    basis, coordinates = torch.linalg.qr(x.mT)  # x.mT = basis @ coordinates
    z = torch.cat([coordinates.mT, torch.ones_like(x[..., :1])], dim=-1)
    w = _by_newton(z, y, c, _penalty(z))
    return basis @ w[:, :-1], w[:, -1]


def _penalty(z: Tensor) -> Tensor:
    """The strength [m] of the penalty on each coordinate, of which the last is the bias."""
    penalty = torch.ones(z.shape[-1], dtype=z.dtype)
    penalty[-1] = BIAS_PENALTY
    return penalty


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


def _by_lbfgs(x: Tensor, y: Tensor, c: float) -> tuple[Tensor, Tensor]:
    """The weights [d, k] and biases [k] of one problem, for features x [n, d].

    It works in coordinates u with w = L^-T u, where L L^T is the mean of the classes' curvatures,
    first of those at w = 0 and after some steps of those there: the curvature is then nearly one in
    all directions, and few steps suffice.
    """
    if len(x) >= x.shape[1]:
        w = _preconditioned(x, y, c)
        return w[:-1], w[-1]
    basis, coordinates = torch.linalg.qr(x.T)
    w = _preconditioned(coordinates.T.contiguous(), y, c)
    return basis @ w[:-1], w[-1]


def _preconditioned(x: Tensor, y: Tensor, c: float) -> Tensor:
    """The solution [d + 1, k], the biases last, for features x [n, d]."""
    present = y.sum(-1, keepdim=True)
    gram = _gram(x, present)
    w = x.new_zeros(len(gram), y.shape[-1])
    curvature = 1 / y.shape[-1]
    for steps in (FIRST_STEPS, LBFGS_STEPS):
        w, converged = _descended(x, y, c, w, _root(gram, c * curvature), steps)
        if converged:
            break
        p = torch.softmax(_logits(x, w), dim=-1) * present
        curvature = float((p.sum() - p.square().sum()) / y.sum() / y.shape[-1])
    return w


def _descended(
    x: Tensor, y: Tensor, c: float, w: Tensor, root: Tensor, steps: int
) -> tuple[Tensor, bool]:
    """Better weights [d + 1, k] after so many steps of L-BFGS or fewer, and whether it is done."""
    from scipy.optimize import minimize

    present, penalty = y.sum(-1, keepdim=True), _penalty(root)[:, None]

    def original(flat: FloatArray) -> Tensor:
        u = torch.from_numpy(flat).reshape(w.shape)
        found: Tensor = torch.linalg.solve_triangular(root.T, u, upper=True)
        return found

    def value_and_gradient(flat: FloatArray) -> tuple[float, FloatArray]:
        w = original(flat)
        log_p = torch.log_softmax(_logits(x, w), dim=-1)
        value = -c * (log_p * y).sum() + (penalty * w * w).sum() / 2
        residual = log_p.exp_().mul_(present).sub_(y)
        of_weights = (residual.T @ x).T  # faster than x.T @ residual
        slopes = c * torch.cat([of_weights, residual.sum(0, keepdim=True)]) + penalty * w
        gradient = torch.linalg.solve_triangular(root, slopes, upper=False)
        return float(value), np.asarray(gradient.flatten().numpy(), np.float64)

    limits = {"maxiter": steps, "maxfun": 2 * steps}
    enough = {"gtol": LBFGS_GRADIENT, "ftol": 64 * np.finfo(float).eps}
    options: Any = {**limits, **enough, "maxcor": 20}
    start = np.asarray((root.T @ w).flatten().numpy(), np.float64)
    found = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    return original(np.asarray(found.x)), bool(found.success)


def _logits(x: Tensor, w: Tensor) -> Tensor:
    return torch.addmm(w[-1], x, w[:-1])


def _gram(x: Tensor, present: Tensor) -> Tensor:
    """z^T z [d + 1, d + 1] of the images that are present, with z = [x, 1]."""
    kept = x if bool(present.all()) else x * present
    sums = kept.sum(0, keepdim=True)
    last = torch.cat([sums.T, present.sum()[None, None]])
    return torch.cat([torch.cat([kept.T @ kept, sums]), last], 1)


def _root(gram: Tensor, strength: float) -> Tensor:
    """The lower triangular root of strength * gram + penalty.

    A strength that rounding does not allow is lowered: it decides on speed alone.
    """
    allowed = min(strength, MOST_CURVATURE / float(gram.trace()))
    root: Tensor = torch.linalg.cholesky(allowed * gram + _penalty(gram).diag())
    return root
