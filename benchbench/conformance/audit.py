"""The audit in seconds, of a method that a run has trained."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from benchbench.conformance.suite import run_check
from benchbench.conformance.under_test import Bench
from benchbench.conformance.verdict import Verdict
from benchbench.datasets.base import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.method import Method, Task
from benchbench.system.compute import separate_randomness

SHORT = (
    "query_order",
    "one_query_at_a_time",
    "half_of_the_queries",
    "queries_of_one_class",
    "support_order",
    "class_slots",
    "state",
)
FEWEST_EPISODES = 2
SLOW_SECONDS = 0.1
"""For one episode and its repetition; a slower method is asked about fewer episodes."""


def short_audit(
    method: Method,
    dataset: OpenDataset,
    task: Task,
    *,
    episodes: int = 5,
    singles: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """The verdict on a trained method and the outcomes of the checks behind it, for a manifest.

    It asks a copy of the method about altered episodes of the validation classes, of the task's way
    and shots as far as they go; the method and the global generators stay as they are. Nothing that
    the method does raises here.

    episodes: how many, at most; two of a slow method. singles: how many queries of an episode are
    asked alone. Keys: those of `Verdict.as_dict`,
    `declared`, `episodes`, `outcomes`, and, where no audit is possible, `reason` in their place.
    """
    declared = {
        "transductive": method.transductive,
        "order_dependent": method.order_dependent,
    }
    try:
        with separate_randomness(seed):
            bench = Bench(
                method,
                dataset,
                task,
                seed=seed,
                trials=episodes,
                singles=singles,
                permutations=1,
                chance_episodes=2 * episodes,
            )
            _fewer_where_slow(bench)
            outcomes = [run_check(name, bench) for name in SHORT]
            verdict = Verdict.of(bench, outcomes)
    except BenchbenchError as error:
        return {"declared": declared, "reason": str(error)}
    except Exception as error:
        return {"declared": declared, "reason": f"{type(error).__name__}: {error}"}
    return {
        **verdict.as_dict(),
        "declared": declared,
        "episodes": bench.number,
        "outcomes": [outcome.as_dict() for outcome in outcomes],
    }


def _fewer_where_slow(bench: Bench) -> None:
    """Leave two episodes where one takes long."""
    with suppress(Exception):  # which the checks will tell
        bench.reference(0)  # The first fills the feature cache.
        started = time.monotonic()
        bench.reference(1)
        if time.monotonic() - started > SLOW_SECONDS:
            bench.number = min(bench.number, FEWEST_EPISODES)
