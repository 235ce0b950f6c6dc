"""Computing jobs, and the engine that does it in this process."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from benchbench.conformance import short_audit
from benchbench.evaluation.job import Job
from benchbench.runs.outcome import Outcome


class Engine(AbstractContextManager["Engine"], Protocol):
    """Computes jobs between the beginning and the end of its `with` block."""

    def compute(self, job: Job) -> Outcome:
        """Execute a job that is not settled, and wait for its outcome."""


class Inline(AbstractContextManager["Inline"]):
    """Executes jobs in this process, for debugging: a method that crashes ends all."""

    def __exit__(self, *_: object) -> None:
        pass

    def compute(self, job: Job) -> Outcome:
        """Execute a job, and wait for its outcome."""
        return job.execute(audit=short_audit)


def run_jobs(jobs: Iterable[Job], engine: Engine) -> list[Outcome]:
    """The outcome of each job, in order; what is settled is not computed."""
    return [job.settled() or engine.compute(job) for job in jobs]
