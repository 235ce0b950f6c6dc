"""Convex classifiers of a support set whose solutions are differentiable in its features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ITERATIONS, TOLERANCE = 500, 1e-6
"""Of the search for the free dual variables, whose values a linear system then gives."""
ACTIVE = 1e-6
"""The share of C from which on a dual variable counts as free."""


def ridge(kernel: Tensor, labels: Tensor, penalty: float) -> Tensor:
    """Dual weights [n, k] of ridge regression on one-hot labels [n, k] by a kernel [n, n].

    Without an intercept: the weights of features [n, d] are `features.T @ dual`, by a system of n
    equations (Woodbury's identity, as in Bertinetto et al., ICLR 2019). They are differentiable.
    penalty: on the squared weights, where the errors' squares are summed. kernel: better of
    float64, as features are often nearly dependent.
    """
    identity = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    dual: Tensor = torch.linalg.solve(kernel + penalty * identity, labels)
    return dual


def crammer_singer(kernel: Tensor, labels: Tensor, c: float, diagonal: float = 0.0) -> Tensor:
    """Dual weights [n, k] of the multi-class SVM for one-hot labels [n, k] by a kernel [n, n].

    The SVM is Crammer and Singer's (JMLR 2001), without an intercept. The weights minimise
    tr(a' (K + diagonal) a) / 2 - tr(a' y), where the elements of b = c y - a are at least 0 and its
    rows sum to c. They are differentiable in the kernel, which should be of float64. c: the penalty
    on errors. diagonal: what is added to the kernel's; it shrinks the solution.
    """
    identity = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    regular = kernel + diagonal * identity
    with torch.no_grad():
        found = solved(regular.detach(), labels, c)
    return c * labels - at_optimum(regular, labels, c, found > ACTIVE * c)


def solved(kernel: Tensor, labels: Tensor, c: float) -> Tensor:
    """The optimal b by accelerated projected gradient steps (Beck & Teboulle, 2009)."""
    step = 1 / torch.linalg.eigvalsh(kernel)[-1].clamp(min=1e-12)
    b = ahead = c * labels
    momentum = 1.0
    for _ in range(ITERATIONS):
        gradient = kernel @ (c * labels - ahead) - labels
        moved = on_simplex(ahead + step * gradient, c)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        change = moved - b
        # A step that goes back on itself means that the momentum is too large: begin anew.
        if ((ahead - moved) * change).sum() > 0:
            following = 1.0
        ahead = moved + (momentum - 1) / following * change if following > 1 else moved
        b, momentum = moved, following
        if change.abs().max() < TOLERANCE * c:
            break
    return b


def on_simplex(rows: Tensor, total: float) -> Tensor:
    """The nearest rows of numbers from 0 on that sum to `total` (Duchi et al., 2008)."""
    ordered = rows.sort(dim=1, descending=True).values
    counts = torch.arange(1, rows.shape[1] + 1, dtype=rows.dtype, device=rows.device)
    excess = (ordered.cumsum(1) - total) / counts
    kept = (ordered > excess).sum(1, keepdim=True)
    return (rows - excess.gather(1, kept - 1)).clamp(min=0)


def at_optimum(kernel: Tensor, labels: Tensor, c: float, free: Tensor) -> Tensor:
    """The optimal b [n, k] from the optimality conditions of its free elements, differentiably.

    For them kernel @ b equals c * kernel @ y - y plus a number of their row's, and rows sum to c.
    """
    image, slot = free.nonzero(as_tuple=True)
    same_class = (slot[:, None] == slot).to(kernel)
    rows = F.one_hot(image, len(kernel)).to(kernel)
    corner = kernel.new_zeros(len(kernel), len(kernel))
    left = torch.cat([kernel[image][:, image] * same_class, rows.T])
    system = torch.cat([left, torch.cat([-rows, corner])], dim=1)
    linear = (c * kernel @ labels - labels)[image, slot]
    solution = torch.linalg.solve(system, torch.cat([linear, kernel.new_full((len(kernel),), c)]))
    return torch.zeros_like(labels).index_put((image, slot), solution[: len(image)])
