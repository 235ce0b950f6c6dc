"""One method on one problem: whether it is stored, and else its training, audit and scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from filelock import FileLock

from benchbench.datasets.problem import Problem
from benchbench.datasets.tables.stored import paths_of
from benchbench.episodes import EpisodeSet
from benchbench.errors import MethodError, reason_of
from benchbench.evaluation.contestant import Contestant, Measured
from benchbench.evaluation.given import Given, hidden_images, learned_part
from benchbench.evaluation.loop import Examiner
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.records import episode_facts, prediction_row
from benchbench.evaluation.settings import Settings
from benchbench.evaluation.task import task_of, training_task
from benchbench.method import Task
from benchbench.metrics import find_metrics
from benchbench.registry import loading
from benchbench.runs import manifest
from benchbench.runs.class_tables import ClassTables
from benchbench.runs.directory import PREDICTED_EPISODES, RunDirectory, RunningElsewhere
from benchbench.runs.names import run_hash
from benchbench.runs.outcome import Outcome
from benchbench.runs.started import StartLog
from benchbench.runs.store import Store
from benchbench.samplers import Sampler
from benchbench.samplers.class_table import ClassTable
from benchbench.system.arrays import FloatArray
from benchbench.system.files import copy_of, file_hash
from benchbench.system.progress import meter, say

Audit: TypeAlias = "Callable[[Job], dict[str, Any]]"
"""Evidence of what a job's trained method does."""

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


class Job:
    """One method on one problem: its task, its identity and its run directory, each found once.

    It holds labels, scores and the run directory; the contestant holds the method.

    given: what the method was given, once it is trained. given_to_twin: the same with copies of the
    checkpoints, made before the method has met an episode, so that it can leave no word for its
    twin. scores: of the episodes that an audit asks about again, by number. seconds: that the
    episodes have taken. label: what tables call the method in place of its spec, if anything.
    """

    def __init__(
        self,
        contestant: Contestant,
        problem: Problem,
        episodes: EpisodeSet,
        store: Store,
        settings: Settings,
        label: str = "",
    ) -> None:
        self.contestant, self.problem, self.episodes = contestant, problem, episodes
        self.store, self.settings = store, settings
        self.card = contestant.card
        self.label, self.text = label, label or self.card.spec
        self.given: Given | None = None
        self.given_to_twin: Given | None = None
        self.seconds = self._training_seconds = 0.0
        self.scores: dict[int, FloatArray] = {}

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
            if not self._is_stored():
                return None
        except Exception as error:
            return Outcome(self.text, "failed", reason_of(error), self.run)
        self.run.call(self.label)
        return Outcome(self.text, "finished", run=self.run)

    def _is_stored(self) -> bool:
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
        names = self.card.uses_class_names
        return Examiner(self.problem.test, self.episodes, self.nonce, names, metrics)

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

    def execute(self, audit: Audit | None = None) -> Outcome:
        """Train, audit and score the method; a failure ends this job and no other.

        audit: examines the trained method unless that is not wanted. Raises BenchbenchError if
        nothing can be written to the store, which would end every job.
        """
        self.store.check_writing(self.run)
        try:
            with self.run.locked(), TemporaryDirectory(prefix="benchbench-") as kept:
                if self._is_stored():  # by another process, a moment ago
                    return Outcome(self.text, "finished", run=self.run)
                self.run.start(self._description())
                self.run.update(protection=self._protection(self.contestant.measured()))
                StartLog(self.store.root).add(self.run)
                self._keep_classes()
                with self._recorded(), self._images_unchanged():
                    self._train(Path(kept))
                    self._score()
                    self._examine(audit)
                    self.run.finish()
        except RunningElsewhere:
            return self.busy()
        except (Exception, SystemExit) as error:
            return Outcome(self.text, "failed", reason_of(error), self.run)
        return Outcome(self.text, "finished", run=self.run)

    def busy(self) -> Outcome:
        """The outcome if another process computes it at this moment."""
        reason = f"another process is running it in {self.run.path}"
        return Outcome(self.text, "failed", reason, self.run, busy=True)

    def _description(self) -> dict[str, Any]:
        """The manifest of the run as it begins."""
        settings = self.settings
        described = manifest.describe_run(self.identity, self.card, self.problem, settings.compute)
        if settings.command:
            described["command"] = list(settings.command)
        return {**described, **({"label": self.label} if self.label else {})}

    def _keep_classes(self) -> None:
        """Keep what the episodes were drawn from, so that anybody can draw them again."""
        tables = ClassTables(self.store.root)
        tables.keep(ClassTable.of(self.problem.test))
        if self.sampler is None:
            tables.keep_episodes(self.episodes)

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Notify observers of the block's beginning and end, and the run of its failure."""
        loading.observer("run_started")(run=self.run)
        try:
            yield
        except (Exception, SystemExit) as error:
            self.run.fail(error)
            raise
        finally:
            self.run.flush()
            loading.observer("run_finished")(run=self.run)

    @contextmanager
    def _images_unchanged(self) -> Iterator[None]:
        """Make sure that the method leaves the decoded images as they are, if it could write there.

        Raises MethodError if it did not.
        """
        tables = (self.problem.train.pixels, self.problem.test.pixels)
        files = {file for table in tables for file in paths_of(table)}
        if self.contestant.protection.get("sandbox"):
            files = set()
        before = {file: file_hash(file) for file in files}
        yield
        for file, digest in before.items():
            if file_hash(file) != digest:
                raise MethodError(f"{file} was changed while it ran; delete its folder, run again")

    def _train(self, kept: Path) -> None:
        """Train the method; kept: gets a copy of its checkpoints, for an audit."""
        task, started = training_task(self.problem, self.task), time.perf_counter()
        with self._training_folder(task) as folder:
            self.given = Given(
                learned=learned_part(self.problem.train, self.nonce),
                test=hidden_images(self.problem.test, self.episodes.split, self.nonce),
                dataset=self.problem.test.name,
                task=task,
                budget=self.settings.budget,
                seed=self.settings.seed,
                compute=self.settings.compute,
                folder=folder,
                shared=self.run.shared,
                sampler=self.sampler,
            )
            found = self.contestant.train(self.given)
            if self.settings.audit != "none":
                self.given_to_twin = replace(
                    self.given,
                    folder=copy_of(folder, kept / "training"),
                    shared=copy_of(self.run.shared, kept / "shared"),
                )
        self._training_seconds = time.perf_counter() - started
        seen = found.pop("pretrained_on")
        described = {**self.run.manifest["method"], "pretrained_on": seen}
        self.run.update(**found, method=described)

    @contextmanager
    def _training_folder(self, task: Task) -> Iterator[Path]:
        """Where checkpoints go: a folder of the run, or one that a whole collection shares."""
        if not self.problem.collection:
            folder = self.run.path / "training"
            folder.mkdir(exist_ok=True)
            yield folder
            with suppress(OSError):  # it holds checkpoints
                folder.rmdir()
            return
        assert self.run.shared is not None
        key = run_hash(manifest.training_identity(self.identity, task))
        folder = self.run.shared / f"{self.card.name}-{key}"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield folder

    def _score(self) -> None:
        started, first = time.perf_counter(), self.run.scored()
        observe = loading.observer("episode_scored")
        with meter(f"{self.text}: episodes", len(self.episodes), first) as counter:
            kept = {*self.audited, *self.first}
            for record, scores in self.examiner.evaluate(self.contestant, first):
                predicted = scores.argmax(axis=1).tolist()
                number = record["episode"]
                if number in kept:
                    self.scores[number] = scores
                self.run.append_answers(number, predicted)
                if number < PREDICTED_EPISODES:
                    row = prediction_row(number, self.episodes[number], predicted)
                    self.run.append_prediction(row)
                self.run.append(record)
                observe(run=self.run, record=record)
                counter.advance()
        self.seconds = time.perf_counter() - started
        measured = self.contestant.measured()
        cost = self._cost(self.seconds, len(self.episodes) - first, measured)
        self.run.flush()
        self.run.update(
            episodes=episode_facts(self.episodes, self.run, self.problem, self.sampler),
            cost=cost,
            nonce=self.nonce.hex,
            protection=self._protection(measured),
        )
        say(f"{self.text}: {_cost_text(cost)}")

    def _protection(self, measured: Measured) -> dict[str, Any]:
        """What keeps the method from labels and scores, and what it has tried and changed.

        A run that a process without protection has had a part in stays unprotected.
        """
        before = self.run.manifest.get("protection", {})
        kept = self.contestant.protection if before.get("protected", True) else before
        tried = {*before.get("files_tried", ()), *measured.files}
        if measured.settings:
            say(f"{self.text} has changed settings of torch: {', '.join(measured.settings)}")
        return {**kept, "files_tried": sorted(tried), "settings_changed": measured.settings}

    def _examine(self, audit: Audit | None) -> None:
        """Store the evidence of an audit, and say so if the method is not what it claims."""
        if was_audited(self.run):
            return
        if audit is None or self.settings.audit == "none":
            self.run.update(audit=NOT_AUDITED)
            return
        found = audit(self)
        self.run.update(audit=found)
        if found.get("inductive") is False and not self.card.transductive:
            claim = f"{self.text} claims to be inductive"
            say(f"{claim}; the audit finds its scores depend on other queries")
        if found.get("stateful"):
            say(f"{self.text} carries state from one episode to the next, as the audit finds")

    def _cost(self, seconds: float, episodes: int, measured: Measured) -> dict[str, Any]:
        """Seconds of training and of an episode, and the method's peak memory in bytes."""
        before = self.run.manifest.get("cost", {})
        if before and episodes <= 0:
            return dict(before)
        recorded = sum(record["seconds"] for record in self.run.manifest["training"])
        return {
            # A training that was loaded took the time that its record says.
            "training_seconds": max(recorded, self._training_seconds),
            "seconds_per_episode": seconds / episodes if episodes > 0 else 0.0,
            "peak_memory_bytes": measured.peak_memory_bytes,
        }


def was_audited(run: RunDirectory) -> bool:
    """Whether the run has evidence of what its method does, or the reason why there can be none."""
    audit = run.manifest.get("audit")
    return audit is not None and audit != NOT_AUDITED


def _cost_text(cost: dict[str, Any]) -> str:
    trained = cost["training_seconds"]
    tested = f"{1000 * cost['seconds_per_episode']:.2f} ms per episode"
    return f"trained {trained:.0f} s, {tested}" if trained >= 1 else tested
