"""Jobs in this process, on a data set in memory."""

from __future__ import annotations

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.job import Audit, Job
from benchbench.evaluation.participant import Participant
from benchbench.evaluation.settings import Settings
from benchbench.method import Method
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import Store


def make_job(
    method: Method, dataset: OpenDataset, episodes: EpisodeSet, store: Store, settings: Settings
) -> Job:
    return Job(Participant(method), Problem.of(dataset), episodes, store, settings)


def run_job(
    method: Method,
    dataset: OpenDataset,
    episodes: EpisodeSet,
    store: Store,
    settings: Settings | None = None,
    audit: Audit | None = None,
) -> Outcome:
    job = make_job(method, dataset, episodes, store, settings or Settings())
    return job.settled() or job.execute(audit)
