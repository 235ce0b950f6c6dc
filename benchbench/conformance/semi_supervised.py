"""Checks of a method that is given unlabelled images: their order, and what it is without them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchbench.conformance.outcomes import CheckFailed, NotApplicable
from benchbench.conformance.training import Training, train
from benchbench.conformance.trial import Trial
from benchbench.conformance.under_test import Bench
from benchbench.learners.creation import create_method
from benchbench.system.arrays import FloatArray, IntArray

NOTHING = np.empty(0, np.int64)


def must_have_pool(bench: Bench) -> None:
    """Raise NotApplicable if the trials of a bench have no unlabelled images."""
    if not bench.method.uses_unlabelled:
        raise NotApplicable("it uses no unlabelled images")
    if bench.unlabelled == 0:
        raise NotApplicable(f"{bench.dataset.name} has no images of a class left to be unlabelled")


def check_pool_order(bench: Bench) -> None:
    """C19: the unlabelled images in another order give the same scores."""
    must_have_pool(bench)
    for reference in bench.references():
        trial = reference.trial
        for order in _orders(bench, trial):
            found = bench.scores(trial.beside(order))
            alteration = "when the unlabelled images are permuted"
            bench.must_equal(
                reference.scores, found, reference.floor, alteration, rounded=reference
            )


def check_empty_pool(bench: Bench) -> None:
    """C21: without unlabelled images it answers, and as the method that it says it then is.

    Its scores must be those of the method in `without_pool`, bit for bit.
    """
    if not bench.method.uses_unlabelled:
        raise NotApplicable("it uses no unlabelled images")
    trials = [trial.beside(NOTHING) for trial in bench.trials()]
    answers = [bench.scores(trial) for trial in trials]
    spec = bench.method.without_pool
    if not spec or bench.training is None:
        return
    expected = _scores_of(spec, bench, bench.training)
    for answer, other in zip(answers, expected, strict=True):
        if not np.array_equal(answer, other):
            size = np.abs(answer - other).max()
            raise CheckFailed(
                f"without unlabelled images, scores differ from those of {spec} by up to {size:.3g}"
            )


def _scores_of(spec: str, bench: Bench, training: Training) -> list[FloatArray]:
    """The scores of the trials by another method that is trained likewise."""
    other = create_method(spec)
    with tempfile.TemporaryDirectory() as folder:
        train(
            other,
            bench.dataset,
            bench.task,
            Path(folder),
            seed=bench.seed,
            budget=training.budget,
            compute=training.compute,
        )
        return [bench.scores(trial, method=other) for trial in bench.trials()]


def _orders(bench: Bench, trial: Trial) -> list[IntArray]:
    """The reverse order of a trial's unlabelled images, and some random ones."""
    assert trial.unlabelled is not None
    count = len(trial.unlabelled)
    rng = np.random.default_rng([bench.seed, count, 4])
    others = [rng.permutation(count) for _ in range(bench.permutations - 1)]
    return [np.arange(count)[::-1], *others]
