"""The audit's deterministic checks of what scores depend on.

Each alters episodes in a way that must not change the scores, and compares the change with the
noise of equal calls (`Change.tolerance`).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np

from benchbench.conformance.chance import confirmed, must_not_differ, must_use_slots_equally
from benchbench.conformance.outcomes import Change, CheckFailed, NotApplicable
from benchbench.conformance.trial import Trial
from benchbench.conformance.trials import FEWEST_EPISODES
from benchbench.conformance.under_test import Bench, Reference
from benchbench.system.arrays import FloatArray, IntArray

COPIES = 50
EPISODES_BETWEEN = 3
DISTRIBUTION_EPISODES = 200


def check_query_order(bench: Bench) -> None:
    """C1: queries in another order get the same scores."""
    for reference in bench.references():
        for number in range(bench.permutations):
            order = _order(bench, len(reference.scores), number)
            _must_keep_among(bench, reference, order, "when the queries are permuted")


def check_one_query_at_a_time(bench: Bench) -> None:
    """C2: a query that is classified alone gets the scores that it gets among the others."""
    for reference in bench.references():
        positions = np.arange(min(bench.singles, len(reference.scores)))
        found = _answered(bench.singly, reference.classify, reference.trial.asking(positions))
        _must_keep(bench, reference, positions, found, "when each query is classified alone")


def check_half_of_the_queries(bench: Bench) -> None:
    """C3: scores stay the same when half of the queries are left out."""
    for reference in bench.references():
        half = _order(bench, len(reference.scores), 0)[: max(1, len(reference.scores) // 2)]
        _must_keep_among(bench, reference, half, "when half of the queries are left out")


def check_queries_of_one_class(bench: Bench) -> None:
    """C3: scores stay the same when the episode has only the queries of one class."""
    for number, reference in enumerate(bench.references()):
        labels = reference.trial.query_labels
        slot = labels[number % len(labels)]
        one = np.flatnonzero(labels == slot)
        _must_keep_among(bench, reference, one, f"when all queries are of class {slot}")


def check_repeated_query(bench: Bench) -> None:
    """C3: scores stay the same when one query is repeated 50 times."""
    for reference in bench.references():
        everything = np.arange(len(reference.scores))
        repeated = np.concatenate([everything, np.zeros(COPIES, np.int64)])
        _must_keep_among(bench, reference, repeated, f"when one query is repeated {COPIES} times")


def check_queries_among_noise(bench: Bench) -> None:
    """C4: a few queries get the same scores when all others are noise."""
    _must_ignore_company(
        bench,
        lambda trial, number: bench.noise(len(trial.query), number),
        "when the other queries are noise",
    )


def check_queries_among_other_images(bench: Bench) -> None:
    """C4: a few queries get the same scores when all others are one image of another episode."""

    def foreign(trial: Trial, number: int) -> np.ndarray:
        images = bench.trial(number + bench.number).query
        return np.resize(images.array[:1], trial.query.array.shape)

    _must_ignore_company(bench, foreign, "when the other queries are one other image")


def check_class_slots(bench: Bench) -> None:
    """C5: classes in other slots get the same scores, in distribution if seeds matter."""
    failed: CheckFailed | None = None
    for reference in bench.references():
        sigma = np.roll(np.arange(reference.trial.n_way), 1)
        found = bench.scores(reference.trial.relabelled(sigma))
        try:
            _must_match(bench, reference, found[:, sigma], "when classes change their slots")
        except CheckFailed as failure:
            failed = failure
    if failed is None:
        return
    if not bench.stochastic:
        raise failed
    if bench.chance_episodes < FEWEST_EPISODES:
        raise NotApplicable("seeds matter, and there are too few episodes to compare accuracies")
    bench.changes.clear()
    confirmed(partial(_slots_in_distribution, bench))


def check_support_order(bench: Bench) -> None:
    """C6: the support in another order gives the same scores."""
    for reference in bench.references():
        for number in range(bench.permutations):
            order = _order(bench, len(reference.trial.support), number)
            found = bench.scores(reference.trial.learning_from(order))
            _must_match(bench, reference, found, "when the support is permuted")


def check_state(bench: Bench) -> None:
    """C11: an episode gets the same scores before and after other episodes."""
    trial = bench.trial(0)
    # Two copies that have seen no episode, so that the floor contains no effect of state.
    first, second = (bench.scores(trial, method=deepcopy(bench.trained)) for _ in range(2))
    floor = Change.between(first, second).largest
    method = deepcopy(bench.trained)
    before = bench.scores(trial, method=method)
    between = min(EPISODES_BETWEEN, bench.number)
    for number in range(1, between + 1):
        bench.scores(bench.trial(number), method=method)
    after = bench.scores(trial, method=method)
    bench.must_equal(before, after, floor, f"after {between} other episodes")


def _must_keep(
    bench: Bench, reference: Reference, positions: IntArray, found: FloatArray, alteration: str
) -> None:
    """The scores of the queries at these positions must be the reference's."""
    expected = reference.scores[positions]
    floor, hint = reference.floor, bench.batch_norm_hint()
    bench.must_equal(expected, found, floor, alteration, hint, rounded=reference)


def _must_keep_among(
    bench: Bench, reference: Reference, positions: IntArray, alteration: str
) -> None:
    """The same of the scores when the episode has only these queries."""
    found = _answered(bench.ask, reference.classify, reference.trial.asking(positions))
    _must_keep(bench, reference, positions, found, alteration)


def _must_match(bench: Bench, reference: Reference, found: FloatArray, alteration: str) -> None:
    """The scores of all queries must be the reference's."""
    bench.must_equal(reference.scores, found, reference.floor, alteration, rounded=reference)


def _must_ignore_company(
    bench: Bench, company: Callable[[Trial, int], np.ndarray], alteration: str
) -> None:
    """The first queries must keep their scores when other images replace the other queries."""
    for number, reference in enumerate(list(bench.references())):
        trial, array = reference.trial, reference.trial.query.array
        before = bench.ask(reference.classify, trial.asking_of(array))
        kept = np.arange(max(1, len(array) // 5))
        others = company(trial, number)
        mixed = np.concatenate([array[kept], others[len(kept) :]])
        found = _answered(bench.ask, reference.classify, trial.asking_of(mixed))
        _must_keep(bench, replace(reference, scores=before), kept, found[kept], alteration)


def _answered(ask: Callable[..., FloatArray], *arguments: object) -> FloatArray:
    """The scores that the method gives. Raises CheckFailed if it raises."""
    try:
        return ask(*arguments)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        raise CheckFailed(f"on some of the queries alone, it raises {reason}") from error


def _slots_in_distribution(bench: Bench, draw: int) -> None:
    """A method that draws random numbers must keep its accuracies and use all slots equally."""
    before, after, shares = [], [], []
    sigma = np.roll(np.arange(bench.way), 1)
    count = min(DISTRIBUTION_EPISODES, bench.chance_episodes)
    for trial in bench.in_time(bench.trials(count, draw)):
        predicted = bench.scores(trial).argmax(axis=1)
        before.append(float(np.mean(predicted == trial.query_labels)))
        after.append(bench.accuracy(trial.relabelled(sigma)))
        shares.append(np.bincount(predicted, minlength=trial.n_way) / len(predicted))
    must_not_differ(np.array(before), np.array(after), "when classes change their slots")
    must_use_slots_equally(np.array(shares))


def _order(bench: Bench, count: int, number: int) -> IntArray:
    """A permutation, never the identity."""
    order = np.random.default_rng([bench.seed, count, number]).permutation(count)
    return np.roll(order, 1) if (order == np.arange(count)).all() else order
