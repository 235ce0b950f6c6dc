"""A method on the bench: trained once, and tested on altered episodes of the validation classes."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchbench.conformance.instruments import batch_statistics, reads_of
from benchbench.conformance.outcomes import Change, CheckFailed, NotApplicable
from benchbench.conformance.training import Training, train
from benchbench.conformance.trial import Trial
from benchbench.conformance.trials import Trials, task_for
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.method import Classifier, Method, Task
from benchbench.metrics import checked_scores
from benchbench.registry import specs
from benchbench.system.arrays import FloatArray
from benchbench.system.compute import Compute, seed_everything, separate_randomness
from benchbench.system.file_watch import watch
from benchbench.training.budget import Budget

BETWEEN_SEEDS = 7919
SEEDS_COMPARED = 2


@dataclass(frozen=True)
class Reference:
    """The scores of an unaltered trial, and by how much a second equal call differs.

    classify: the method adapted to the trial, to classify other queries.
    """

    trial: Trial
    scores: FloatArray
    floor: float
    classify: Classifier


class Bench(Trials):
    """A trained method, episodes of validation classes, and the means to alter them.

    `method` is a copy of `trained`, which `restore` renews. `changes` are those that the checks
    have found since, `transduction` is whether any check has shown that the scores of queries
    depend on each other, and `run_audit` the audit of a run, once a check has made one.

    trials: how many episodes are altered. singles: how many queries of an episode are classified
    alone. permutations: how many orders of a support or of queries are tried. training: how the
    method was trained, if the checks may look at it. `Trials` has the others, and says of what
    classes the episodes are.
    """

    def __init__(
        self,
        method: Method,
        dataset: OpenDataset,
        task: Task,
        *,
        seed: int = 0,
        trials: int = 3,
        singles: int = 75,
        permutations: int = 3,
        chance_episodes: int = 400,
        seconds: float = 4.0,
        training: Training | None = None,
    ) -> None:
        pool = method.uses_unlabelled
        super().__init__(dataset, task, seed, trials, chance_episodes, seconds, pool)
        self.trained, self.singles, self.training = method, singles, training
        self.permutations = permutations
        self.changes: list[Change] = []
        self.transduction: bool | None = None
        self.run_audit: dict[str, Any] | None = None
        self.restore()

    @classmethod
    def train(
        cls,
        method: Method,
        dataset: OpenDataset,
        folder: Path,
        *,
        seed: int = 0,
        budget: Budget | None = None,
        compute: Compute | None = None,
        **options: Any,
    ) -> Bench:
        """Train the method on the data set's training classes, and note what it reads meanwhile.

        folder: for the training's files. options: those of `Bench`. Raises BenchbenchError if the
        method does not apply to the data set, and whatever its `train` raises.
        """
        dataset.check_one_size("The check of a method")
        task = task_for(dataset)
        if reason := method.skip(task):
            raise BenchbenchError(f"{method.name} does not apply to {dataset.name}: {reason}.")
        budget, compute = budget or Budget("smoke"), compute or Compute()
        with reads_of(dataset) as pixels, watch(None, {"open"}) as files:
            train(method, dataset, task, folder, seed=seed, budget=budget, compute=compute)
        read = {
            split: int((pixels.read & np.isin(dataset.labels, classes)).sum())
            for split, classes in dataset.splits.items()
        }
        opened = (Path(path) for _, path in files.drain())
        outside = tuple(path for path in opened if folder.absolute() not in path.parents)
        training = Training(budget, compute, folder, read, outside)
        return cls(method, dataset, task, seed=seed, training=training, **options)

    def restore(self) -> None:
        """Take a fresh copy of the trained method, and forget the changes that were found."""
        self.method = copy.deepcopy(self.trained)
        self.changes = []
        self._references: dict[int, Reference] = {}

    def fresh(self) -> Method:
        """An untrained method with the same parameters."""
        cls = type(self.trained)
        return specs.construct(cls, cls.name, **specs.parameters_of(self.trained))

    def adapt(self, trial: Trial, method: Method | None = None) -> Classifier:
        """The method adapted to a trial, with the generators seeded as in a run."""
        with separate_randomness(trial.seed):
            return self._adapt(trial, method or self.method)

    def _adapt(self, trial: Trial, method: Method) -> Classifier:
        return method.adapt_many([trial.support_for(method)])[0]

    def scores(
        self, trial: Trial, *, method: Method | None = None, query_seed: int | None = None
    ) -> FloatArray:
        """Scores float64 [n_query, n_way] of a trial, with the generators seeded as in a run.

        query_seed: another seed of the generators, for the queries. Raises MethodError if the
        answer is not such an array, and what the method raises.
        """
        with separate_randomness(trial.seed):
            classify = self._adapt(trial, method or self.method)
            if query_seed is not None:
                seed_everything(query_seed)
            answer = classify(trial.query)
        return checked_scores(answer, len(trial.query), trial.n_way)

    def ask(self, classify: Classifier, trial: Trial) -> FloatArray:
        """Scores of a trial's queries by a classifier that was adapted before."""
        with separate_randomness(trial.seed):
            answer = classify(trial.query)
        return checked_scores(answer, len(trial.query), trial.n_way)

    def reference(self, number: int) -> Reference:
        """The scores that altered calls on a trial are compared with; computed once.

        The floor is the change in a second call in which the queries meet other random numbers, so
        that a method may draw some for its queries. Raises NotApplicable if the floor hides every
        change.
        """
        if number in self._references:
            return self._references[number]
        trial = self.trial(number)
        with separate_randomness(trial.seed):
            classify = self._adapt(trial, self.method)
            answer = classify(trial.query)
        scores = checked_scores(answer, len(trial.query), trial.n_way)
        again = self.scores(trial, query_seed=trial.seed ^ BETWEEN_SEEDS)
        change = Change.between(scores, again)
        if change.largest and Change(0, change.largest, change.spread).tolerance > change.spread:
            raise NotApplicable(
                f"equal calls already change the scores by {change.largest:.3g} of their range "
                f"{change.spread:.3g}"
            )
        found = self._references[number] = Reference(trial, scores, change.largest, classify)
        return found

    def references(self) -> Iterator[Reference]:
        """The references of all unaltered trials, each computed when it is needed."""
        return map(self.reference, range(self.number))

    def must_equal(
        self,
        expected: FloatArray,
        found: FloatArray,
        floor: float,
        alteration: str,
        hint: str = "",
        rounded: Reference | None = None,
    ) -> None:
        """Raise CheckFailed if scores changed by more than the tolerance.

        rounded: the reference, for an alteration that changes the order of sums; if scores changed,
        the floor then includes the effect of rounding.
        """
        change = Change.between(expected, found, floor)
        if change.over and rounded is not None:
            change = Change.between(expected, found, max(floor, self.rounding(rounded)))
        self.changes.append(change)
        if change.over:
            raise CheckFailed(f"{alteration}, {change}{hint}")

    def rounding(self, reference: Reference) -> float:
        """The change between equal calls that round differently, because of other kernels.

        Gradient steps amplify the last bits.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the settings are also for devices that are absent
            onednn, cudnn = torch.backends.mkldnn, torch.backends.cudnn
            with onednn.flags(enabled=False), cudnn.flags(enabled=False):
                scores = self.scores(reference.trial)
        return Change.between(reference.scores, scores).largest

    def batch_norm_hint(self) -> str:
        """An addition to a message about queries that depend on each other."""
        norms = ", ".join(self.batch_norms)
        return f"; statistics of the queries are used in {norms}" if norms else ""

    @cached_property
    def batch_norms(self) -> list[str]:
        """The batch norms that use statistics of the queries."""
        trial = self.trial(0).asking_of(self.trial(0).query.array)
        names = {
            id(module): f"{attribute}.{name}".rstrip(".")
            for attribute, value in vars(self.method).items()
            if isinstance(value, torch.nn.Module)
            for name, module in value.named_modules()
        }
        # A batch norm may also refuse the batch, after it was recorded.
        with batch_statistics(names) as found, suppress(Exception):
            self.ask(self.reference(0).classify, trial)
        return found

    @cached_property
    def stochastic(self) -> bool:
        """Whether other seeds give other scores, on copies that have seen no other episode."""
        for trial in self.trials(SEEDS_COMPARED):
            trials = trial, replace(trial, seed=trial.seed ^ BETWEEN_SEEDS)
            first, second = (self.scores(t, method=copy.deepcopy(self.trained)) for t in trials)
            if Change.between(first, second).over:
                return True
        return False

    def accuracies(self, trials: Iterator[Trial]) -> FloatArray:
        """The accuracy of each trial, [n], for as many as there is time for."""
        return np.array([self.accuracy(trial) for trial in self.in_time(trials)])

    def accuracy(self, trial: Trial) -> float:
        """The share of a trial's queries that are classified correctly."""
        return float(np.mean(self.scores(trial).argmax(axis=1) == trial.query_labels))

    def singly(self, classify: Classifier, trial: Trial) -> FloatArray:
        """Scores of a trial's queries, each classified alone."""
        alone = (trial.asking(np.array([index])) for index in range(len(trial.query)))
        return np.concatenate([self.ask(classify, query) for query in alone])

    @cached_property
    def both_modes(self) -> tuple[float, float]:
        """The accuracies when all queries are classified together and when each is alone.

        Both are of the same queries; it is 0 for a trial whose single queries the method refuses.
        """
        together, alone = [], []
        for reference in self.references():
            trial = reference.trial
            some = np.arange(min(self.singles, len(trial.query)))
            right = reference.scores.argmax(axis=1) == trial.query_labels
            together.append(right[some].mean())
            part = trial.asking(some)
            try:
                predicted = self.singly(reference.classify, part).argmax(axis=1)
                alone.append((predicted == part.query_labels).mean())
            except Exception:
                alone.append(0.0)
        return float(np.mean(together)), float(np.mean(alone))
