"""What a job is about: its task, its identity and its run directory, and whether it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.errors import reason_of
from benchbench.evaluation.contestant import Contestant
from benchbench.evaluation.loop import Examiner
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.settings import Settings
from benchbench.evaluation.task import task_of
from benchbench.evaluation.validation_part import ValidationPart
from benchbench.method import Task
from benchbench.metrics import find_metrics
from benchbench.runs import manifest
from benchbench.runs.directory import RunDirectory
from benchbench.runs.names import run_hash
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import Store
from benchbench.samplers import Sampler

SHARE_AUDITED = 10
"""One of so many test episodes is asked about again by an audit."""
FEWEST_AUDITED = 20
MOST_AUDITED = 100
"""Of a method that draws random numbers, so that chance can be told from dependence."""

NONCE_OF = (
    "method", "parameters", "fingerprint", "splits", "split", "protocol", "episode_seed", "seed"
)  # fmt: skip
"""The parts of a run's identity that its nonce depends on."""

NOT_AUDITED = {"reason": "not asked for (--no-audit)"}


@dataclass(eq=False, repr=False)
class Assignment:
    """One method on one problem, of which each fact is found once.

    label: what tables call the method in place of its spec, if anything.
    """

    contestant: Contestant
    problem: Problem
    episodes: EpisodeSet
    store: Store
    settings: Settings
    label: str = ""

    def __post_init__(self) -> None:
        self.card = self.contestant.card
        self.text = self.label or self.card.spec

    @cached_property
    def task(self) -> Task:
        """What the method is asked to do."""
        return task_of(self.problem, self.episodes)

    @cached_property
    def sampler(self) -> Sampler | None:
        """The sampler that drew these episodes, or None."""
        sampler = self.settings.sampler
        return sampler if sampler and sampler.protocol == self.episodes.protocol else None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What distinguishes this run from others, as `manifest.identity`."""
        identity = manifest.identity(
            self.card,
            self.problem,
            self.episodes,
            seed=self.settings.seed,
            budget=str(self.settings.budget),
            compute=self.settings.compute,
            metrics=list(self.settings.metrics),
        )
        if self.sampler is None and self.task.n_way is None:
            identity["sampler"] = None  # then validation is of a fixed way
        return identity

    @cached_property
    def run(self) -> RunDirectory:
        """The directory that belongs to the identity; it need not exist yet."""
        problem = self.problem
        if problem.collection:
            return self.store.run(problem.collection, self.identity, problem.name)
        return self.store.run(problem.spec, self.identity)

    def settled(self) -> Outcome | None:
        """The outcome if nothing needs computing: the task is skipped, or stored, or unreadable."""
        try:
            if reason := self.contestant.skip(self.task):
                return Outcome(self.text, "skipped", reason)
            if not self.is_stored():
                return None
        except Exception as error:
            return Outcome(self.text, "failed", reason_of(error), self.run)
        self.run.call(self.label)
        return Outcome(self.text, "finished", run=self.run)

    def is_stored(self) -> bool:
        """Whether the run has all that is asked for."""
        if not self.run.has(len(self.episodes)):
            return False
        return self.settings.audit != "all" or was_audited(self.run)

    @cached_property
    def nonce(self) -> Nonce:
        """The secret of this run, which an edit of the method's source leaves as it is."""
        facts = {name: self.identity[name] for name in NONCE_OF}
        return Nonce.derived(self.store.salt(), run_hash(facts))

    @cached_property
    def examiner(self) -> Examiner:
        """Asks the method about the episodes, and scores its answers."""
        metrics = find_metrics(self.settings.metrics)
        card, test = self.card, self.problem.test
        validation = ValidationPart(test, self.episodes) if card.uses_validation else None
        return Examiner(
            test,
            self.episodes,
            self.nonce,
            card.uses_class_names,
            metrics,
            validation,
            with_attributes=card.uses_attributes,
            with_pool=card.uses_unlabelled,
        )

    @cached_property
    def audited(self) -> list[int]:
        """The numbers of the episodes that an audit may ask about again, in random order."""
        numbers: list[int] = self.nonce.order(len(self.episodes), "audited").tolist()
        return numbers[: max(MOST_AUDITED, self.audited_first)]

    @property
    def audited_first(self) -> int:
        """How many of those it asks about in any case."""
        count = len(self.episodes)
        return min(count, max(FEWEST_AUDITED, count // SHARE_AUDITED))

    @property
    def first(self) -> range:
        """The numbers of the first episodes, which are asked again at the end."""
        return range(min(FEWEST_AUDITED, len(self.episodes)))

    def busy(self) -> Outcome:
        """The outcome if another process computes it at this moment."""
        reason = f"another process is running it in {self.run.path}"
        return Outcome(self.text, "failed", reason, self.run, busy=True)


def was_audited(run: RunDirectory) -> bool:
    """Whether the run has evidence of what its method does, or the reason why there can be none."""
    audit = run.manifest.get("audit")
    return audit is not None and audit != NOT_AUDITED
