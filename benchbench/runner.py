"""Running methods on a task: train, adapt to each episode, keep the query labels, score.

`evaluate` is the loop of the whole benchmark. A method's failure ends its own cell and no other.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from filelock import FileLock

from benchbench import manifest, plugins, specs
from benchbench.backbones.base import Backbone
from benchbench.compute import Compute, peak_memory_bytes, seed_everything
from benchbench.datasets.base import OpenDataset
from benchbench.episodes import Episode, EpisodeSet
from benchbench.method import Images, Method, Task
from benchbench.metrics import Metric, checked_scores
from benchbench.progress import meter, say
from benchbench.samplers import Sampler
from benchbench.source import Budget, TrainingSource
from benchbench.store import PREDICTED_EPISODES, Cell, RunDirectory, Store, reason_of, run_hash
from benchbench.streams import support_of

ADAPTED_TOGETHER = 32
"""Episodes handed at once to a method that has an `adapt_many` of its own."""


Audit: TypeAlias = Callable[[Method, OpenDataset, Task], dict[str, Any]]
"""From a trained method to evidence of what it does, as `conformance.short_audit`."""

NOT_AUDITED = {"reason": "not asked for (--no-audit)"}


class Phase(NamedTuple):
    """What begins now: `training`, `audit`, `episodes` (from `first` on, `together`) or `other`."""

    kind: str
    first: int = 0
    together: int = 0


class Watch(Protocol):
    """Who is told how a cell gets on."""

    def enter(self, phase: Phase) -> None:
        """A phase begins, and the one before it has ended."""

    def scored(self, record: dict[str, Any], prediction: dict[str, Any] | None) -> None:
        """An episode was scored and its rows handed to the store."""


class Nobody:
    """Takes no notice."""

    def enter(self, phase: Phase) -> None:
        pass

    def scored(self, record: dict[str, Any], prediction: dict[str, Any] | None) -> None:
        pass


@dataclass
class Settings:
    """What all cells of one command share.

    metrics: beside accuracy, by name. audit: of each method after its training; audit_stored: of
    methods whose results are stored without one as well. sampler: of the episodes, where they were
    drawn for this command.
    """

    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    compute: Compute = field(default_factory=Compute)
    metrics: dict[str, Metric] = field(default_factory=dict)
    watch: Watch = field(default_factory=Nobody)
    audit: Audit | None = None
    audit_stored: bool = False
    sampler: Sampler | None = None


def run_cell(
    method: Method, dataset: OpenDataset, episodes: EpisodeSet, store: Store, settings: Settings
) -> Cell:
    """Train and evaluate one method, or find that it has been done."""
    place = place_of(method, dataset, episodes, store, settings)
    settled = settled_cell(method, dataset, episodes, place, settings)
    return settled or compute_cell(method, dataset, episodes, place, settings)


class Place(NamedTuple):
    """The directory of a cell, and the identity that it is named for."""

    run: RunDirectory
    identity: dict[str, Any]


def place_of(
    method: Method, dataset: OpenDataset, episodes: EpisodeSet, store: Store, settings: Settings
) -> Place:
    """Where a method on a task is stored."""
    identity = manifest.identity(
        method,
        dataset,
        episodes,
        seed=settings.seed,
        budget=settings.budget,
        compute=settings.compute,
        metrics=list(settings.metrics),
    )
    if sampler_of(episodes, settings) is None and task_of(dataset, episodes).n_way is None:
        identity["sampler"] = None  # then validation is of a fixed way
    if dataset.training is None:
        return Place(store.run(dataset.name, identity), identity)
    return Place(store.run(dataset.training.name, identity, dataset.source), identity)


def sampler_of(episodes: EpisodeSet, settings: Settings) -> Sampler | None:
    """The sampler, where it is the one that drew these episodes and not only one that was named."""
    sampler = settings.sampler
    return sampler if sampler is not None and sampler.protocol == episodes.protocol else None


def settled_cell(
    method: Method, dataset: OpenDataset, episodes: EpisodeSet, place: Place, settings: Settings
) -> Cell | None:
    """The outcome where there is nothing to compute: declined, stored, or a damaged store."""
    text, run = specs.text_of(method), place.run
    try:
        if reason := method.skip(task_of(dataset, episodes)):
            return Cell(text, "skipped", reason)
        if not run.has(len(episodes)) or (settings.audit_stored and not was_audited(run)):
            return None
    except Exception as error:
        return Cell(text, "failed", reason_of(error), run)
    say(f"{text}: stored in {run.path}")
    return Cell(text, "finished", run=run)


def compute_cell(
    method: Method, dataset: OpenDataset, episodes: EpisodeSet, place: Place, settings: Settings
) -> Cell:
    """Train and evaluate one method into its place."""
    text, run, task = specs.text_of(method), place.run, task_of(dataset, episodes)
    try:
        with run.locked():
            run.start(manifest.describe_run(place.identity, method, dataset, settings.compute))
            with _recorded(run):
                _train(method, dataset, episodes, place, settings)
                _audit(method, dataset, task, run, settings)
                _score(method, dataset, episodes, run, settings)
                settings.watch.enter(Phase("other"))
    except Exception as error:
        return Cell(text, "failed", reason_of(error), run)
    return Cell(text, "finished", run=run)


@contextmanager
def _recorded(run: RunDirectory) -> Iterator[None]:
    """Tell the observers of the block's beginning and end, and the run directory of its failure."""
    plugins.observer("run_started")(run=run)
    try:
        yield
    except Exception as error:
        run.fail(error)
        raise
    finally:
        plugins.observer("run_finished")(run=run)


def _train(
    method: Method, dataset: OpenDataset, episodes: EpisodeSet, place: Place, settings: Settings
) -> None:
    run, task = place.run, training_task(dataset, task_of(dataset, episodes))
    with _training_folder(dataset, task, place) as folder:
        source = TrainingSource(
            dataset,
            method,
            task,
            settings.budget,
            settings.seed,
            settings.compute,
            folder=folder,
            shared=run.shared,
            sampler=sampler_of(episodes, settings),
        )
        settings.watch.enter(Phase("training"))
        seed_everything(settings.seed)
        method.train(source)
        settings.watch.enter(Phase("other"))
    training = [asdict(record) for record in source.records]
    run.update(
        training=training,
        parameters=sum(p.numel() for p in _modules(method).parameters()),
        method={**run.manifest["method"], "pretrained_on": _pretrained_on(method)},
    )


def training_task(dataset: OpenDataset, task: Task) -> Task:
    """The task as training sees it: equal for all test sources that share it."""
    training = dataset.training
    if training is None:
        return task
    return replace(task, dataset=training.name, has_class_names=training.names_are_words)


@contextmanager
def _training_folder(dataset: OpenDataset, task: Task, place: Place) -> Iterator[Path]:
    """Where checkpoints go: the run's own folder, or one that all test sources share."""
    if dataset.training is None:
        yield place.run.path
        return
    assert place.run.shared is not None
    key = run_hash(manifest.training_identity(place.identity, task))
    folder = place.run.shared / f"{place.identity['method']}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield folder


def was_audited(run: RunDirectory) -> bool:
    """Whether the run has evidence of what its method does, or the reason why there can be none."""
    audit = run.manifest.get("audit")
    return audit is not None and audit != NOT_AUDITED


def _audit(
    method: Method, dataset: OpenDataset, task: Task, run: RunDirectory, settings: Settings
) -> None:
    """Store the evidence; a method that is not what it claims is told at once."""
    if was_audited(run):
        return
    if settings.audit is None:
        run.update(audit=NOT_AUDITED)
        return
    settings.watch.enter(Phase("audit"))
    found = settings.audit(method, dataset.training or dataset, task)
    settings.watch.enter(Phase("other"))
    run.update(audit=found)
    text = specs.text_of(method)
    if found.get("inductive") is False and not method.transductive:
        say(f"{text} claims to be inductive; the audit finds its scores depend on other queries")
    if found.get("stateful"):
        say(f"{text} carries state from one episode to the next, as the audit finds")


def _score(
    method: Method,
    dataset: OpenDataset,
    episodes: EpisodeSet,
    run: RunDirectory,
    settings: Settings,
) -> None:
    started, first = time.perf_counter(), run.scored()
    observe = plugins.observer("episode_scored")
    text = specs.text_of(method)
    with meter(f"{text}: episodes", len(episodes), first) as counter:
        for record, predicted in evaluate(method, dataset, episodes, settings, first):
            number = record["episode"]
            prediction = _prediction(number, episodes[number], predicted)
            if prediction is not None:
                run.append_prediction(prediction)
            run.append(record)
            settings.watch.scored(record, prediction)
            observe(run=run, record=record)
            counter.advance()
    cost = _cost(run, time.perf_counter() - started, len(episodes) - first)
    run.flush()
    run.finish(episodes=_episode_facts(episodes, dataset, run), cost=cost)
    say(f"{text}: {_told(cost)}")


def _episode_facts(
    episodes: EpisodeSet, dataset: OpenDataset, run: RunDirectory
) -> dict[str, int | str | None]:
    """What the manifest says of the episodes: which they are, their rows, the images they take."""
    way, shot, query = episodes.shape
    return {
        "count": len(episodes),
        "sha256": episodes.sha256,
        "records_sha256": run.records_sha256(len(episodes)),
        "way": way,
        "shot": shot,
        "query": query,
        "disjoint": episodes.disjoint,
        "standard": episodes.standard,
        "images_drawn": episodes.images_drawn,
        "images_available": len(dataset.view(episodes.split).rows),
    }


class Scored(NamedTuple):
    """An episode's row of `episodes.csv`, and the class slot predicted for each query."""

    record: dict[str, Any]
    predicted: list[int]


def evaluate(
    method: Method,
    dataset: OpenDataset,
    episodes: EpisodeSet,
    settings: Settings,
    first: int = 0,
) -> Iterator[Scored]:
    """Yield the outcome of each episode from number `first` on; the method never sees a label."""
    view = dataset.view(episodes.split)
    together = 1 if type(method).adapt_many is Method.adapt_many else ADAPTED_TOGETHER
    # Whole chunks, so that what is adapted together does not depend on where a kill came.
    for start in range(first - first % together, len(episodes), together):
        numbers = range(start, min(start + together, len(episodes)))
        chunk = [episodes[number] for number in numbers]
        seeds = [_episode_seed(episodes, number, settings.seed) for number in numbers]
        settings.watch.enter(Phase("episodes", start, len(numbers)))
        seed_everything(seeds[0])
        classifiers = method.adapt_many(
            [
                support_of(dataset, view, episode, method, seed)
                for episode, seed in zip(chunk, seeds, strict=True)
            ]
        )
        for number, episode, classify in zip(numbers, chunk, classifiers, strict=True):
            if number < first:
                continue
            answer = classify(Images(view, episode.query))
            scores = checked_scores(answer, len(episode.query), episode.n_way)
            record = _record(number, episode, scores, settings.metrics)
            yield Scored(record, scores.argmax(axis=1).tolist())


def _record(
    number: int, episode: Episode, scores: np.ndarray, metrics: dict[str, Metric]
) -> dict[str, Any]:
    correct = int((scores.argmax(axis=1) == episode.query_labels).sum())
    return {
        "episode": number,
        "n_way": episode.n_way,
        "n_query": len(episode.query),
        "correct": correct,
        "accuracy": correct / len(episode.query),
        "classes": " ".join(map(str, episode.classes.tolist())),
        **{name: metric(scores, episode.query_labels) for name, metric in metrics.items()},
    }


def _prediction(number: int, episode: Episode, predicted: list[int]) -> dict[str, int | str] | None:
    """The row of `predictions.csv`, for the first episodes."""
    if number >= PREDICTED_EPISODES:
        return None
    columns = {
        "support": episode.support.tolist(),
        "support_labels": episode.support_labels.tolist(),
        "query": episode.query.tolist(),
        "query_labels": episode.query_labels.tolist(),
        "predicted": predicted,
    }
    return {
        "episode": number,
        **{name: " ".join(map(str, values)) for name, values in columns.items()},
    }


def _episode_seed(episodes: EpisodeSet, number: int, seed: int) -> int:
    """A seed of this episode alone, whatever ran before it."""
    text = f"{episodes.fingerprint}/{episodes.protocol}/{episodes.seed}/{number}/{seed}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "little")


def task_of(dataset: OpenDataset, episodes: EpisodeSet) -> Task:
    """What the episodes ask of a method; a number that varies, over classes too, is None."""
    return Task(
        dataset.name,
        episodes.protocol,
        dataset.image_shape,
        *episodes.shape,
        has_class_names=dataset.names_are_words,
    )


def _modules(method: Method) -> torch.nn.ModuleList:
    """The networks that a method keeps as attributes."""
    return torch.nn.ModuleList(
        value for value in vars(method).values() if isinstance(value, torch.nn.Module)
    )


def _pretrained_on(method: Method) -> list[str]:
    """The data sets that the method, or a backbone of its, has seen before training, each once."""
    backbones = [module for module in _modules(method).modules() if isinstance(module, Backbone)]
    declared = [method.pretrained_on, *(backbone.pretrained_on for backbone in backbones)]
    return list(dict.fromkeys(name for names in declared for name in names))


def _cost(run: RunDirectory, seconds: float, episodes: int) -> dict[str, Any]:
    """Seconds of training and of an episode, and this process's peak memory in bytes."""
    before = run.manifest.get("cost", {})
    if before and episodes <= 0:
        return dict(before)
    return {
        "training_seconds": sum(record["seconds"] for record in run.manifest["training"]),
        "seconds_per_episode": seconds / episodes if episodes > 0 else 0.0,
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _told(cost: dict[str, Any]) -> str:
    trained = cost["training_seconds"]
    tested = f"{1000 * cost['seconds_per_episode']:.2f} ms per episode"
    return f"trained {trained:.0f} s, {tested}" if trained else tested
