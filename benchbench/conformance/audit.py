"""A short audit of a method that a run has trained; it takes seconds."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from benchbench.conformance.suite import run_check
from benchbench.conformance.under_test import Bench
from benchbench.conformance.verdict import Verdict
from benchbench.datasets.open_dataset import OpenDataset
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
"""The time for one episode; a slower method is audited on fewer episodes."""


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

    It tests a copy of the method on altered episodes of the validation classes, of the task's way
    and shots as far as the classes allow; the method and the global generators stay unchanged.
    Errors that the method raises are caught.

    episodes: how many, at most; two for a slow method. singles: how many queries of an episode are
    classified alone. Keys: those of `Verdict.as_dict`, `declared`, `episodes` and `outcomes`; or
    `declared` and `reason` if no audit is possible.
    """
    declared = {"transductive": method.transductive, "order_dependent": method.order_dependent}
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
    """Reduce the episodes to two if one takes long."""
    with suppress(Exception):  # the checks report it
        bench.reference(0)  # This fills the feature cache.
        started = time.monotonic()
        bench.reference(1)
        if time.monotonic() - started > SLOW_SECONDS:
            bench.number = min(bench.number, FEWEST_EPISODES)
