"""The factor on the learning rate by step of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

Schedule = Callable[[int], float]
"""A function from the step to the factor on the learning rate."""


def cosine(steps: int, warmup: int = 0) -> Schedule:
    """A linear rise over `warmup` steps, then half a cosine to zero (Loshchilov & Hutter, 2017)."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

    return factor


def linear(steps: int, to: float = 0.0) -> Schedule:
    """A straight line from 1 at the first step to `to` after so many steps."""
    return lambda step: 1 + (to - 1) * min(1.0, step / max(1, steps))


def step_decay(every: int, factor: float = 0.5) -> Schedule:
    """Multiply the rate by `factor` every so many steps."""
    return lambda step: factor ** (step // every)


def milestones(factors: Mapping[int, float]) -> Schedule:
    """1 until the first milestone, and from each on its own factor on the initial rate.

    factors: the factor by the step from which it holds; they do not multiply up.
    """
    ordered = sorted(factors.items())

    def factor(step: int) -> float:
        return next((value for start, value in reversed(ordered) if step >= start), 1.0)

    return factor


def constant(step: int) -> float:
    """The rate stays as it is."""
    return 1.0
