"""What tests of methods with learned slots share."""

from collections.abc import Sequence
from pathlib import Path

import torch
from support.pictures import random_images

from benchbench.conformance import Bench
from benchbench.conformance.suite import run_checks
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Method, Support
from benchbench.training.budget import Budget

CHECKS = (
    "scores",
    "equal_seeds",
    "unbalanced_shots",
    "class_without_support",
    "single_query",
    "one_query_at_a_time",
    "class_slots",
    "support_order",
)
"""Those that slots and sequences put to the test."""


def support_of(labels: Sequence[int], way: int = 5, seed: int = 0) -> Support:
    """A support of these labels; a test has its features."""
    images = random_images(len(labels), (1, 1, 1))
    return Support(images, torch.tensor(labels), way, "toy", seed)


def declared(method: Method, dataset: OpenDataset, folder: Path) -> set[str]:
    """The expected failures among `CHECKS` of a method that is trained for a moment.

    Raises AssertionError if a check comes out otherwise.
    """
    budget = Budget("smoke", 2)
    bench = Bench.train(
        method, dataset, folder, budget=budget, trials=1, singles=3, chance_episodes=30
    )
    outcomes = {outcome.check: outcome for outcome in run_checks(bench, CHECKS)}
    assert not [o for o in outcomes.values() if o.status in ("failed", "not applicable")]
    return {check for check, outcome in outcomes.items() if outcome.status == "expected failure"}
