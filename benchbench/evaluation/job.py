"""One method on one problem: whether it is stored, and else its training, audit and scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from filelock import FileLock

from benchbench.backbones.base import Backbone
from benchbench.datasets.base import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.errors import reason_of
from benchbench.evaluation.loop import evaluate, ignore
from benchbench.evaluation.settings import Phase, Settings
from benchbench.evaluation.task import task_of, training_task
from benchbench.method import Method, Task
from benchbench.metrics import find_metrics
from benchbench.registry import loading, specs
from benchbench.runs import manifest
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import PREDICTED_EPISODES, RunDirectory, Store, run_hash
from benchbench.samplers import Sampler
from benchbench.system.compute import peak_memory_bytes, seed_everything
from benchbench.system.progress import meter, say
from benchbench.training.source import TrainingSource


class Row(NamedTuple):
    """A scored episode: its rows of `episodes.csv` and, of the first ones, `predictions.csv`."""

    record: dict[str, Any]
    prediction: dict[str, Any] | None


Event: TypeAlias = Phase | Row
"""What a job reports while it is executed."""

Audit: TypeAlias = Callable[[Method, OpenDataset, Task], dict[str, Any]]
"""From a trained method to evidence of what it does, as `conformance.short_audit`."""

NOT_AUDITED = {"reason": "not asked for (--no-audit)"}


class Job:
    """One method on one problem: its task, its identity and its run directory, each found once."""

    def __init__(
        self,
        method: Method,
        problem: Problem,
        episodes: EpisodeSet,
        store: Store,
        settings: Settings,
    ) -> None:
        self.method, self.problem, self.episodes = method, problem, episodes
        self.store, self.settings = store, settings
        self.text = specs.text_of(method)

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
            self.method,
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
            if reason := self.method.skip(self.task):
                return Outcome(self.text, "skipped", reason)
            if not self.run.has(len(self.episodes)):
                return None
            if self.settings.audit == "all" and not was_audited(self.run):
                return None
        except Exception as error:
            return Outcome(self.text, "failed", reason_of(error), self.run)
        say(f"{self.text}: stored in {self.run.path}")
        return Outcome(self.text, "finished", run=self.run)

    def execute(
        self, notify: Callable[[Event], object] = ignore, audit: Audit | None = None
    ) -> Outcome:
        """Train, audit and score the method; a failure ends this job and no other.

        notify: is called with each event as it happens. audit: examines the trained method unless
        that is not wanted.
        """
        try:
            with self.run.locked():
                self.run.start(
                    manifest.describe_run(
                        self.identity, self.method, self.problem, self.settings.compute
                    )
                )
                with self._recorded():
                    self._train(notify)
                    self._examine(notify, audit)
                    self._score(notify)
                    notify(Phase("other"))
        except Exception as error:
            return Outcome(self.text, "failed", reason_of(error), self.run)
        return Outcome(self.text, "finished", run=self.run)

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Notify observers of the block's beginning and end, and the run of its failure."""
        loading.observer("run_started")(run=self.run)
        try:
            yield
        except Exception as error:
            self.run.fail(error)
            raise
        finally:
            loading.observer("run_finished")(run=self.run)

    def _train(self, notify: Callable[[Event], object]) -> None:
        task = training_task(self.problem, self.task)
        with self._training_folder(task) as folder:
            source = TrainingSource(
                self.problem.train,
                self.method,
                task,
                self.settings.budget,
                self.settings.seed,
                self.settings.compute,
                folder=folder,
                shared=self.run.shared,
                sampler=self.sampler,
            )
            notify(Phase("training"))
            seed_everything(self.settings.seed)
            self.method.train(source)
            notify(Phase("other"))
        self.run.update(
            training=[asdict(record) for record in source.records],
            parameters=sum(p.numel() for p in _modules(self.method).parameters()),
            method={**self.run.manifest["method"], "pretrained_on": pretrained_on(self.method)},
        )

    @contextmanager
    def _training_folder(self, task: Task) -> Iterator[Path]:
        """Where checkpoints go: the run's own folder, or one that a whole collection shares."""
        if not self.problem.collection:
            yield self.run.path
            return
        assert self.run.shared is not None
        key = run_hash(manifest.training_identity(self.identity, task))
        folder = self.run.shared / f"{self.method.name}-{key}"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield folder

    def _examine(self, notify: Callable[[Event], object], audit: Audit | None) -> None:
        """Store the evidence of an audit, and say so if the method is not what it claims."""
        if was_audited(self.run):
            return
        if audit is None or self.settings.audit == "none":
            self.run.update(audit=NOT_AUDITED)
            return
        notify(Phase("audit"))
        found = audit(self.method, self.problem.train, self.task)
        notify(Phase("other"))
        self.run.update(audit=found)
        if found.get("inductive") is False and not self.method.transductive:
            claim = f"{self.text} claims to be inductive"
            say(f"{claim}; the audit finds its scores depend on other queries")
        if found.get("stateful"):
            say(f"{self.text} carries state from one episode to the next, as the audit finds")

    def _score(self, notify: Callable[[Event], object]) -> None:
        started, first = time.perf_counter(), self.run.scored()
        observe = loading.observer("episode_scored")
        scored = evaluate(
            self.method,
            self.problem.test,
            self.episodes,
            seed=self.settings.seed,
            metrics=find_metrics(self.settings.metrics),
            first=first,
            notify=notify,
        )
        with meter(f"{self.text}: episodes", len(self.episodes), first) as counter:
            for record, predicted in scored:
                row = Row(record, self._prediction(record["episode"], predicted))
                if row.prediction is not None:
                    self.run.append_prediction(row.prediction)
                self.run.append(record)
                notify(row)
                observe(run=self.run, record=record)
                counter.advance()
        cost = self._cost(time.perf_counter() - started, len(self.episodes) - first)
        self.run.flush()
        self.run.finish(episodes=self._episode_facts(), cost=cost)
        say(f"{self.text}: {_cost_text(cost)}")

    def _prediction(self, number: int, predicted: list[int]) -> dict[str, Any] | None:
        """The row of `predictions.csv`, for the first episodes."""
        if number >= PREDICTED_EPISODES:
            return None
        episode = self.episodes[number]
        columns = {
            "support": episode.support.tolist(),
            "support_labels": episode.support_labels.tolist(),
            "query": episode.query.tolist(),
            "query_labels": episode.query_labels.tolist(),
            "predicted": predicted,
        }
        texts = {name: " ".join(map(str, values)) for name, values in columns.items()}
        return {"episode": number, **texts}

    def _episode_facts(self) -> dict[str, Any]:
        """What the manifest says of the episodes: which they are and their images.

        way, shot and query are None if they vary.
        """
        episodes = self.episodes
        way, shot, query = episodes.shape
        return {
            "count": len(episodes),
            "sha256": episodes.sha256,
            "records_sha256": self.run.records_sha256(len(episodes)),
            "way": way,
            "shot": shot,
            "query": query,
            "disjoint": episodes.disjoint,
            "standard": episodes.standard,
            "images_drawn": episodes.images_drawn,
            "images_available": len(self.problem.test.view(episodes.split).rows),
        }

    def _cost(self, seconds: float, episodes: int) -> dict[str, Any]:
        """Seconds of training and of an episode, and this process's peak memory in bytes."""
        before = self.run.manifest.get("cost", {})
        if before and episodes <= 0:
            return dict(before)
        return {
            "training_seconds": sum(record["seconds"] for record in self.run.manifest["training"]),
            "seconds_per_episode": seconds / episodes if episodes > 0 else 0.0,
            "peak_memory_bytes": peak_memory_bytes(),
        }


def was_audited(run: RunDirectory) -> bool:
    """Whether the run has evidence of what its method does, or the reason why there can be none."""
    audit = run.manifest.get("audit")
    return audit is not None and audit != NOT_AUDITED


def pretrained_on(method: Method) -> list[str]:
    """The data sets that the method or one of its backbones has seen before training, each once."""
    backbones = [module for module in _modules(method).modules() if isinstance(module, Backbone)]
    declared = [method.pretrained_on, *(backbone.pretrained_on for backbone in backbones)]
    return list(dict.fromkeys(name for names in declared for name in names))


def _modules(method: Method) -> torch.nn.ModuleList:
    """The networks that a method keeps as attributes."""
    return torch.nn.ModuleList(
        value for value in vars(method).values() if isinstance(value, torch.nn.Module)
    )


def _cost_text(cost: dict[str, Any]) -> str:
    trained = cost["training_seconds"]
    tested = f"{1000 * cost['seconds_per_episode']:.2f} ms per episode"
    return f"trained {trained:.0f} s, {tested}" if trained else tested
