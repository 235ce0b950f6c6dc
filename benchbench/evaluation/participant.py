"""A method and what it is given: the one place that calls a method, in whatever process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from benchbench.backbones import backbone_arguments, feature_cache
from benchbench.backbones.base import Backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.contestant import Measured
from benchbench.evaluation.given import Given, Question, hidden_images, learned_part
from benchbench.evaluation.loop import Examiner, Scored
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.query_statistics import QueryStatistics
from benchbench.evaluation.settings import OTHER, Phase
from benchbench.evaluation.task import task_of
from benchbench.evaluation.validation_part import ValidationPart
from benchbench.images import Images, LabelledImages
from benchbench.method import Classifier, Method, Support, Task
from benchbench.metrics import Metric, checked_scores
from benchbench.registry import specs
from benchbench.runs.method_card import MethodCard
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.compute import peak_memory_bytes, seed_everything, torch_settings
from benchbench.system.framing import at_own_size, needs_one_size
from benchbench.training.source import TrainingSource

PROTECTED_BY: Mapping[str, Any] = {"engine": "inline", "protected": False}


class Participant(AbstractContextManager["Participant"]):
    """A method in this process; `engine.supervisor.RemoteParticipant` is one in another.

    card: what the method says of itself. protection: what keeps it from labels and scores.
    """

    protection = PROTECTED_BY

    def __init__(self, method: Method) -> None:
        self._method = method
        self.card = MethodCard.of(method)
        self._given: Given | None = None
        self._norms = QueryStatistics()
        self._settings = torch_settings()

    def __exit__(self, *_: object) -> None:
        pass

    def skip(self, task: Task) -> str | None:
        """The reason why the method does not apply to the task, or None."""
        return (
            reads_other_data(self._method, task)
            or reads_one_size(self._method, task)
            or self._method.skip(task)
        )

    def train(self, given: Given) -> dict[str, Any]:
        """Train the method; what the manifest says of that.

        training: a record for each call of `fit`. parameters: how many it has. pretrained_on: the
        data sets that it has seen before.
        """
        self._given = given
        source = TrainingSource(
            given.learned,
            self._method,
            given.task,
            given.budget,
            given.seed,
            given.compute,
            folder=given.folder,
            shared=given.shared,
            sampler=given.sampler,
            restores=given.restores,
        )
        feature_cache.use(given.features)
        seed_everything(given.seed)
        self._settings = torch_settings()
        self._method.train(source)
        return {
            "training": [asdict(record) for record in source.records],
            "parameters": sum(p.numel() for p in _modules(self._method).parameters()),
            "pretrained_on": pretrained_on(self._method),
        }

    def scores(self, questions: Sequence[Question], phase: Phase = OTHER) -> Iterator[FloatArray]:
        """Yield the scores of each episode, adapted to at once with the others if the method can.

        phase: limits the time that they may take, elsewhere. Scores are float64 [n_query, n_way].
        Raises MethodError if the method answers anything else, and whatever the method raises.
        """
        assert self._given is not None, "a method is trained before it is asked"
        size = len(questions) if self.card.adapts_together else 1
        for start in range(0, len(questions), size):
            yield from self._answers(self._given, questions[start : start + size])

    def _answers(self, given: Given, questions: Sequence[Question]) -> Iterator[FloatArray]:
        seed_everything(questions[0].seed)
        classifiers = self._method.adapt_many([_support(given, one) for one in questions])
        for one, classify in zip(questions, classifiers, strict=True):
            answers = [self._classified(given, one, classify, part) for part in one.queries]
            yield np.concatenate(answers)

    def _classified(
        self, given: Given, one: Question, classify: Classifier, query: IntArray
    ) -> FloatArray:
        with self._norms.recording():
            answer = classify(Images(given.test, query))
        return checked_scores(answer, len(query), one.n_way)

    def measured(self) -> Measured:
        """What this process has needed and done so far; its files are not watched."""
        norms = self._norms.names(self._method)
        return Measured(peak_memory_bytes(), norms, [], self._settings_changed())

    def _settings_changed(self) -> list[str]:
        now = torch_settings()
        return [
            f"{name} from {before} to {now[name]}"
            for name, before in self._settings.items()
            if now[name] != before
        ]

    def twin(self) -> Participant:
        """The same method, configured anew."""
        cls = type(self._method)
        return Participant(specs.construct(cls, cls.name, **specs.parameters_of(self._method)))


def evaluate(
    method: Method,
    dataset: OpenDataset,
    episodes: EpisodeSet,
    *,
    seed: int = 0,
    metrics: Mapping[str, Metric] | None = None,
    first: int = 0,
) -> Iterator[Scored]:
    """Yield the score of each episode from number `first` on, of a trained method in this process.

    The image ids, orders of queries and seeds depend on the episodes and `seed` alone.
    """
    nonce = Nonce.derived(b"evaluate", f"{episodes.origin}/{seed}")
    participant = Participant(method)
    test = hidden_images(dataset, episodes.split, nonce)
    task = task_of(Problem.of(dataset), episodes)
    participant._given = Given(learned_part(dataset, nonce), test, dataset.name, task)
    validation = ValidationPart(dataset, episodes) if method.uses_validation else None
    examiner = Examiner(
        dataset,
        episodes,
        nonce,
        method.uses_class_names,
        metrics or {},
        validation,
        with_attributes=method.uses_attributes,
        with_pool=method.uses_unlabelled,
    )
    return examiner.evaluate(participant, first)


def _support(given: Given, one: Question) -> Support:
    labels = torch.from_numpy(one.support_labels.copy())
    images = Images(given.test, one.support)
    held_out = None
    if one.validation is not None:
        places, slots = one.validation
        held_out = LabelledImages(Images(given.test, places), torch.from_numpy(slots.copy()))
    known = None if one.attributes is None else torch.from_numpy(one.attributes.copy())
    pool = None if one.unlabelled is None else Images(given.test, one.unlabelled)
    told = one.names, held_out, known, pool
    return Support(images, labels, one.n_way, given.dataset, one.seed, *told)


def pretrained_on(method: Method) -> list[str]:
    """The data sets that the method or one of its backbones has seen before training, each once."""
    backbones = [module for module in _modules(method).modules() if isinstance(module, Backbone)]
    of_members = [pretrained_on(member) for member in method.members]
    declared = [
        method.pretrained_on,
        *(backbone.pretrained_on for backbone in backbones),
        *of_members,
    ]
    return list(dict.fromkeys(name for names in declared for name in names))


def reads_other_data(method: Method, task: Task) -> str | None:
    """Why a method does not apply if it reads images and the data are features, or vice versa."""
    backbone = getattr(method, "backbone", "")
    takes_features = "backbone=features" in specs.text_of(method) or backbone == "features"
    if takes_features and task.has_images:
        return "its backbone reads features and this data set has images; use features:FILE"
    if takes_features or task.has_images:
        return None
    if not backbone:
        return "it reads images and this data set has features"
    reads = f"its backbone {backbone} reads images"
    if "backbone" not in specs.parameter_types(type(method)):
        return f"{reads}, and it takes no other; this data set has features"
    return f"{reads}; use backbone=features with this data set"


def reads_one_size(method: Method, task: Task) -> str | None:
    """Why a method does not apply to pictures at their own size, if that shows before training."""
    if not at_own_size(task.image_shape):
        return None
    if method.members:
        return next(filter(None, (reads_one_size(each, task) for each in method.members)), None)
    backbone = getattr(method, "backbone", "")
    if not backbone:
        return needs_one_size("it")
    if backbone_arguments(backbone)[0].takes_pictures:
        return None
    return needs_one_size(f"its backbone {backbone}")


def _modules(method: Method) -> torch.nn.ModuleList:
    """The networks that a method keeps as attributes, and those of its members."""
    own = [value for value in vars(method).values() if isinstance(value, torch.nn.Module)]
    return torch.nn.ModuleList([*own, *map(_modules, method.members)])
