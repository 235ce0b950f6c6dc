"""Strengths of a rule, of which the one is kept that is right most often on validation classes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from benchbench.learners.validated import keep_choice, stored_choice
from benchbench.system.progress import say
from benchbench.training.budget import FitRecord
from benchbench.training.source import TrainingSource

STAGE = "strengths"
"""What the manifest calls the choice among its trainings."""


def choices(**values: Any) -> list[dict[str, Any]]:
    """Each combination of the values of some arguments; a value that is no sequence is the only."""
    lists = [one if isinstance(one, Sequence) else [one] for one in values.values()]
    return [dict(zip(values, combination, strict=True)) for combination in product(*lists)]


def powers_of_ten(reach: int) -> tuple[float, ...]:
    """1, and the powers of ten on both sides of it up to the reach: 1, 0.1, 10, 0.01, 100, ..."""
    sides = [(10.0**-power, 10.0**power) for power in range(1, reach + 1)]
    return (1.0, *(one for both in sides for one in both))


def chosen_place(
    source: TrainingSource,
    name: str,
    offered: Sequence[Mapping[str, float]],
    share: Callable[[int], float],
    classes: int,
) -> int:
    """The place of the strengths that are right most often; of equals, the first of them.

    It is said, kept beside the weights, and recorded for the manifest as the stage `STAGE`. A run
    that is older than such records is restored without one.

    name: of the method. share: of right answers with the strengths at a place. classes: how many
    validation classes there are; without any the first strengths count.
    """
    if len(offered) == 1:
        return 0
    if (stored := stored_choice(source, STAGE)) is not None:
        return int(stored)
    started = time.perf_counter()
    shares = [share(place) for place in range(len(offered))] if classes else []
    best = shares.index(max(shares)) if shares else 0
    text = ", ".join(f"{key}={value:g}" for key, value in offered[best].items())
    if shares:
        right = f"is right on {100 * shares[best]:.1f} % of {classes} validation classes"
        say(f"{name}: {text} of {len(offered)} {right}")
    else:
        say(f"{name}: {text}, as there are no validation classes to choose on")
    if not source.restores:
        known = shares[best] if shares else None
        seconds = time.perf_counter() - started
        chosen = {key: float(value) for key, value in offered[best].items()}
        record = FitRecord(STAGE, len(offered), best, known, seconds, chosen=chosen)
        keep_choice(source, STAGE, best, record)
    return best
