"""`benchbench run`."""

from __future__ import annotations

import math
from pathlib import Path

from benchbench.cli.tables import Tested, print_tables
from benchbench.datasets.integrity.contamination import judge
from benchbench.datasets.problem import Problem
from benchbench.engine.inline import Inline, run_jobs
from benchbench.engine.supervisor import Supervisor
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.evaluation.job import Job
from benchbench.evaluation.settings import EPISODE_SECONDS, Limits, Settings
from benchbench.learners.creation import create_methods
from benchbench.metrics import find_metrics
from benchbench.registry import specs
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import Store
from benchbench.samplers.drawing import Drawing
from benchbench.system.compute import configure
from benchbench.system.places import Places
from benchbench.system.progress import say
from benchbench.training.budget import Budget


def run_command(
    *,
    methods: str,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    episodes: str,
    episode_seed: int,
    seed: int,
    budget: str,
    metrics: str,
    out: Path,
    device: str,
    threads: int | None,
    fast: bool,
    engine: str,
    timeout: float | None,
    training_timeout: float | None,
    audit: bool | None,
    **sampling: int | str | None,
) -> int:
    """Run the methods and print their table; 1 where one of them failed, else 0.

    sampling: options of the sampler, None where not given.

    Raises BenchbenchError before anything runs where the request cannot be carried out.
    """
    if engine == "inline" and (timeout or training_timeout):
        raise BenchbenchError(
            "--timeout and --training-timeout need --engine worker: a process cannot stop itself."
        )
    create_methods(methods)
    drawing = Drawing(sampler, sampling, episodes, episode_seed)
    settings = Settings(
        seed=seed,
        budget=Budget.parse(budget),
        compute=configure(device, threads, fast),
        metrics=tuple(find_metrics(specs.split_list(metrics))),
        audit="missing" if audit is None else "all" if audit else "none",
        sampler=drawing.sampler_made(),
    )
    store, places = Store(out), Places.find(data_root)
    store.check()
    limits = Limits(timeout or EPISODE_SECONDS, training_timeout or math.inf)
    tested = []
    with Inline() if engine == "inline" else Supervisor(places, limits) as computing:
        for problem, frozen in drawing.opened(dataset, places):
            _say_what_is_tested(problem, frozen)
            jobs = [
                Job(method, problem, frozen, store, settings) for method in create_methods(methods)
            ]
            outcomes = run_jobs(jobs, computing)
            tested.append(Tested(problem, frozen, outcomes))
            _say_failures(outcomes)
    print_tables(tested)
    return int(any(outcome.status == "failed" for one in tested for outcome in one.outcomes))


def _say_what_is_tested(problem: Problem, episodes: EpisodeSet) -> None:
    digest = episodes.sha256[:16]
    say(f"{problem.name}: {len(episodes)} episodes {episodes.protocol}, sha256 {digest}")
    _warn_of_shared_classes(problem)


def _warn_of_shared_classes(problem: Problem) -> None:
    """Say so if data that are learned from are known to have test classes of this problem."""
    for member in problem.train.members or ():
        verdict = judge([member.partition("[")[0]], problem.test.name)
        if member != problem.name and verdict.level in ("classes", "images"):
            say(
                f"{problem.name} is no unseen data where {member} was learnt from: "
                f"{verdict.reason} `benchbench data verify` compares the pictures."
            )


def _say_failures(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.status == "failed":
            traceback = outcome.run.path / "error.txt" if outcome.run else None
            where = f" (traceback: {traceback})" if traceback and traceback.exists() else ""
            say(f"{outcome.method} failed: {outcome.reason}{where}")
