"""A number chosen on episodes of the validation classes, where a paper has a validation set."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from benchbench.errors import MethodError
from benchbench.method import Classifier, Support
from benchbench.registry import specs
from benchbench.system.progress import say
from benchbench.training.budget import FitRecord
from benchbench.training.checkpoints import TrainingFiles
from benchbench.training.source import TrainingSource

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
    files, kept = TrainingFiles(source.folder, name), _Value()
    record = files.finished(kept)
    if record is None:
        if source.restores:
            raise MethodError(f"its choice of {name} is not stored")
        record = files.finish(kept, _search(source, name, values, adapt, kept), [])
    source.records.append(record)
    return float(kept.value)


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
    kept: _Value,
) -> FitRecord:
    """Put the best value into `kept`; what the manifest says of the search."""
    started, method = time.perf_counter(), specs.text_of(source.method)
    accuracies = [source.validate(adapt(value), most=EPISODES) for value in values]
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    best = accuracies.index(max(known)) if known else 0
    kept.value.fill_(values[best])
    offered = ", ".join(f"{value:g}" for value in values)
    if known:
        percent = 100 * known[best]
        say(f"{method}: {name} {values[best]:g} of {offered}, {percent:.2f} % on validation")
    else:
        say(f"{method}: {name} {values[best]:g}, as there are no validation classes to choose on")
    seconds = time.perf_counter() - started
    return FitRecord(name, len(values), best, accuracies[best], seconds)
