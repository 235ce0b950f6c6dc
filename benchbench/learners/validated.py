"""A number chosen on episodes of the validation classes, where a paper has a validation set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import ClassVar, Self

import torch
from torch import nn

from benchbench.errors import MethodError
from benchbench.method import Classifier, Method, Support
from benchbench.registry import specs
from benchbench.system.progress import say
from benchbench.training.budget import FitRecord
from benchbench.training.checkpoints import TrainingFiles
from benchbench.training.source import TrainingSource

CHOSEN, SWEPT = "val", "sweep"
"""The value of a parameter that is chosen on the validation classes, or on official validation
images of an episode's own classes."""
EPISODES = 40
"""Of validation: adapting to one takes some methods as long as the test of it does."""


def best_on_validation(
    source: TrainingSource,
    name: str,
    values: Sequence[float],
    adapt: Callable[[float], Callable[[Support], Classifier]],
) -> float:
    """The value whose `adapt` is most accurate on the first of `source.validate()`'s episodes.

    They are of the validation classes and drawn like the task's, so that no class of the test is
    seen. Of equal values the first counts, and without validation classes, which is said. The value
    is kept beside the weights, and the manifest has a record of the stage `name`. Raises
    MethodError if the source has methods restored and no value is stored.
    """
    value = stored_choice(source, name)
    if value is None:
        if source.restores:
            raise MethodError(f"its choice of {name} is not stored")
        value, record = _search(source, name, values, adapt)
        keep_choice(source, name, value, record)
    return value


def stored_choice(source: TrainingSource, stage: str) -> float | None:
    """The number that an earlier training chose in this stage, whose record the manifest gets.

    None if none is stored. Raises MethodError if it is not what was stored.
    """
    kept = _Value()
    record = TrainingFiles(source.folder, stage).finished(kept)
    if record is None:
        return None
    source.records.append(record)
    return float(kept.value)


def keep_choice(source: TrainingSource, stage: str, value: float, record: FitRecord) -> None:
    """Keep a number that was chosen beside the weights, and its record for the manifest."""
    kept = _Value()
    kept.value.fill_(value)
    source.records.append(TrainingFiles(source.folder, stage).finish(kept, record, []))


class _Value(nn.Module):
    """One number, in a form that is stored as weights are."""

    value: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros((), dtype=torch.float64))


def _search(
    source: TrainingSource,
    name: str,
    values: Sequence[float],
    adapt: Callable[[float], Callable[[Support], Classifier]],
) -> tuple[float, FitRecord]:
    """The best value, and what the manifest says of the search."""
    started, method = time.perf_counter(), specs.text_of(source.method)
    accuracies = [source.validate(adapt(value), most=EPISODES) for value in values]
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    best = accuracies.index(max(known)) if known else 0
    offered = ", ".join(f"{value:g}" for value in values)
    if known:
        percent = 100 * known[best]
        say(f"{method}: {name} {values[best]:g} of {offered}, {percent:.2f} % on validation")
    else:
        say(f"{method}: {name} {values[best]:g}, as there are no validation classes to choose on")
    seconds = time.perf_counter() - started
    chosen = {name: float(values[best])}
    record = FitRecord(name, len(values), best, accuracies[best], seconds, chosen=chosen)
    return float(values[best]), record


class ValidatedMethod(Method):
    """A method some of whose numbers may be chosen on labels other than the support's.

    A parameter that is `val` is settled by `train`, on the validation classes; for one that is
    `sweep` the method asks for official validation images of an episode's own classes.
    """

    candidates: ClassVar[Mapping[str, tuple[float, ...]]] = {}
    """Of a parameter that may be `val` or `sweep`: the values to choose among. The first, the
    paper's, counts before training and where there are no validation classes."""
    chosen: dict[str, float]

    def nothing_chosen(self) -> None:
        """Say by the parameters whether validation images are needed; for `__post_init__`."""
        self.chosen = {}
        self.uses_validation = bool(self.of_value(SWEPT))

    def choose(self, source: TrainingSource) -> None:
        """Settle the parameters that are `val`, one after the other."""
        if source.task.n_shot == 0:
            return
        for name, values in self.of_value(CHOSEN).items():
            adapt = partial(self._adapt_with, name)
            self.chosen[name] = best_on_validation(source, name, values, adapt)

    def of_value(self, value: str) -> dict[str, tuple[float, ...]]:
        """The candidates of the parameters that have this value."""
        found = self.candidates.items()
        return {name: values for name, values in found if getattr(self, name) == value}

    def _adapt_with(self, name: str, value: float) -> Callable[[Support], Classifier]:
        """`adapt` with another value of a parameter."""
        return self.with_choice(name, value).adapt

    def with_choice(self, name: str, value: float) -> Self:
        """The same trained method with another value of a parameter."""
        other = copy(self)
        other.chosen = {**self.chosen, name: value}
        return other

    def setting(self, name: str) -> float:
        """The value of a parameter that may be `val` or `sweep`."""
        value = getattr(self, name)
        if isinstance(value, str):
            return self.chosen.get(name, self.candidates[name][0])
        return float(value)
