"""One method on one problem: its training, audit and scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from filelock import FileLock

from benchbench.backbones.feature_store import stored_for
from benchbench.datasets.tables.stored import paths_of
from benchbench.errors import MethodError, reason_of
from benchbench.evaluation.assignment import NOT_AUDITED, Assignment, was_audited
from benchbench.evaluation.contestant import Measured
from benchbench.evaluation.given import Given, hidden_images
from benchbench.evaluation.records import episode_facts, prediction_row
from benchbench.evaluation.task import training_task
from benchbench.evaluation.unlabelled_part import given_to_learn
from benchbench.method import Task
from benchbench.registry import loading
from benchbench.runs import manifest
from benchbench.runs.class_tables import ClassTables
from benchbench.runs.directory import PREDICTED_EPISODES, RunningElsewhere
from benchbench.runs.names import run_hash
from benchbench.runs.outcome import Outcome
from benchbench.runs.started import StartLog
from benchbench.samplers.class_table import ClassTable
from benchbench.system.arrays import FloatArray
from benchbench.system.files import copy_of, file_hash
from benchbench.system.places import Places
from benchbench.system.progress import meter, say

Audit: TypeAlias = "Callable[[Job], dict[str, Any]]"
"""Evidence of what a job's trained method does."""


@dataclass(eq=False, repr=False)
class Job(Assignment):
    """One method on one problem, carried out.

    It holds labels, scores and the run directory; the contestant holds the method.

    given: what the method was given, once it is trained. given_to_twin: the same with copies of the
    checkpoints, made before the method has met an episode, so that it can leave no word for its
    twin. scores: of the episodes that an audit asks about again, by number. seconds: that the
    episodes have taken.
    """

    given: Given | None = field(default=None, init=False)
    given_to_twin: Given | None = field(default=None, init=False)
    seconds: float = field(default=0.0, init=False)
    scores: dict[int, FloatArray] = field(default_factory=dict, init=False)
    _training_seconds: float = field(default=0.0, init=False)

    def execute(self, audit: Audit | None = None) -> Outcome:
        """Train, audit and score the method; a failure ends this job and no other.

        audit: examines the trained method unless that is not wanted. Raises BenchbenchError if
        nothing can be written to the store, which would end every job.
        """
        self.store.check_writing(self.run)
        try:
            with self.run.locked(), TemporaryDirectory(prefix="benchbench-") as kept:
                if self.is_stored():  # by another process, a moment ago
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
        table = ClassTable.of(self.problem.test)
        tables.keep(replace(table, fingerprint=self.episodes.fingerprint))
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
            test = hidden_images(self.problem.test, self.episodes.split, self.nonce)
            labels = self.card.training_labels
            self.given = Given(
                learned=given_to_learn(self.problem.train, self.nonce, task, labels),
                test=test,
                dataset=self.problem.test.name,
                task=task,
                budget=self.settings.budget,
                seed=self.settings.seed,
                compute=self.settings.compute,
                folder=folder,
                shared=self.run.shared,
                sampler=self.sampler and self.sampler.of_known,
                features=stored_for(test.fingerprint, Places.find().cache),
            )
            found = self.contestant.train(self.given)
            if self.settings.audit != "none":
                self.given_to_twin = replace(
                    self.given,
                    folder=copy_of(folder, kept / "training"),
                    shared=copy_of(self.run.shared, kept / "shared"),
                )
        self._training_seconds = time.perf_counter() - started
        features = self.problem.test.features
        seen = [*found.pop("pretrained_on"), *(features.pretrained_on if features else ())]
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
            for one in self.examiner.evaluate(self.contestant, first):
                record, scores, predicted = one.record, one.scores, one.predicted
                number, confidences = record["episode"], one.confidences
                if number in kept:
                    self.scores[number] = scores
                self.run.append_answers(number, predicted, confidences)
                if number < PREDICTED_EPISODES:
                    episode = self.episodes[number]
                    self.run.append_prediction(prediction_row(number, episode, predicted))
                    if not len(episode.support):
                        self.run.append_top(number, scores[: len(episode.query)])
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


def _cost_text(cost: dict[str, Any]) -> str:
    trained = cost["training_seconds"]
    tested = f"{1000 * cost['seconds_per_episode']:.2f} ms per episode"
    return f"trained {trained:.0f} s, {tested}" if trained >= 1 else tested
