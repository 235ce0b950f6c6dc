"""The one training loop, for which methods only write a loss; it resumes after interruptions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from benchbench.errors import MethodError
from benchbench.registry import specs
from benchbench.system.compute import separate_randomness
from benchbench.system.progress import meter, say
from benchbench.training.budget import FitRecord
from benchbench.training.checkpoints import TrainingFiles
from benchbench.training.optimizers import OptimizerKind, RatedOptimizer
from benchbench.training.schedules import Schedule, cosine
from benchbench.training.source import TrainingSource

CHECKPOINT_SECONDS = 20.0
"""The time between two checkpoints, and so the most work that a killed training loses."""


class Indexable(Protocol):
    """Data by step, such as `source.episodes(...)` or `source.batches(...)`."""

    def __getitem__(self, step: int, /) -> Any: ...


def fit(
    source: TrainingSource,
    module: nn.Module,
    loss: Callable[[Any], Tensor],
    data: Indexable,
    *,
    steps: int,
    lr: float = 1e-3,
    schedule: Schedule | None = None,
    optimizer: OptimizerKind = torch.optim.AdamW,
    rates: Mapping[str, float] | None = None,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    accumulate: int = 1,
    validate_every: int | None = None,
    patience: int | None = None,
    stage: str = "training",
    validate: Callable[[], float | None] | None = None,
    after_step: Callable[[float], None] | None = None,
    health: Callable[[], dict[str, float]] | None = None,
    folder: Path | None = None,
) -> FitRecord:
    """Train `module` on `loss(data[step])`, and leave it frozen at its best validation.

    schedule: the factor on `lr` by step, by default a cosine to zero. optimizer: a class of
    `torch.optim`, or a `functools.partial` of one for more than its rate and decay, such as
    `partial(torch.optim.SGD, momentum=0.9, nesterov=True)`. rates: factors on `lr` by the name of a
    module in `module` or of a parameter; the longest name that fits counts. weight_decay: decoupled
    from the gradient in AdamW, and a part of it in other optimizers. clip_norm, clip_value: bounds
    on the gradient and on its elements. accumulate: the number n of pieces of a step, each of which
    has its gradient taken before the next is computed: their mean loss counts, and step s is that
    of data[s * n] to data[s * n + n - 1].
    validate_every: steps between two calls of `validate` (by default `source.validate`), by default
    a tenth of the training. patience: training ends after so many validations without a better one.
    after_step: called after each step with the part of the training that is done, above 0 and at
    most 1. health: called once at the end, with the weights that are kept, for the record.
    folder: of checkpoints, by default the source's; training is resumed from there. A method that
    calls `fit` more than once names each `stage`. All of the state_dict of `module` is in the
    checkpoints, its buffers included, so that what `loss` counts belongs there. Raises MethodError
    if the loss is not finite, `rates` names no part of the module, or the source has methods
    restored and these weights are not stored. A module without parameters is left as it is, which
    is said.
    """
    source.compute.place(module)
    files = TrainingFiles(folder or source.folder, stage)
    record = files.finished(module)
    if record is None and not learns(module):
        say(f"{specs.text_of(source.method)}: nothing to learn, so it is evaluated as it is")
        record = FitRecord(stage, steps=0, best_step=0, validation_accuracy=None, seconds=0.0)
        record = files.finish(module, record, [])
    if record is None and source.restores:
        raise MethodError(f"the weights of its {stage} are not stored")
    if record is None:
        module.train().requires_grad_(True)
        rated = RatedOptimizer(optimizer, module, lr, weight_decay, rates or {})
        rate = schedule or cosine(steps)

        def update(step: int) -> float:
            rated.optimizer.zero_grad(set_to_none=True)
            total = 0.0
            for piece in range(step * accumulate, (step + 1) * accumulate):
                with source.compute.autocast():
                    found = loss(data[piece]) / accumulate
                found.backward()  # type: ignore[no-untyped-call]
                total += float(found.detach())
            if clip_norm is not None:
                nn.utils.clip_grad_norm_(module.parameters(), clip_norm)
            if clip_value is not None:
                nn.utils.clip_grad_value_(module.parameters(), clip_value)
            rated.step(rate(step))
            if after_step is not None:
                after_step((step + 1) / steps)
            return total

        validate, every = validate or source.validate, validate_every or max(1, steps // 10)
        loop = _Loop(
            source, module, rated.optimizer, update, files, steps, every, patience, validate
        )
        record = replace(loop.run(stage), health=(health or dict)())
        record = files.finish(module, record, loop.progress.log)
    module.eval().requires_grad_(False)
    if record.steps:
        source.records.append(record)
    return record


def learns(module: nn.Module) -> bool:
    """Whether the module has parameters, which training could change."""
    return any(True for _ in module.parameters())


@dataclass
class _Progress:
    """What a checkpoint holds in addition to weights and optimizer."""

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_accuracy: float | None = None
    log: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class _Loop:
    """The state of one training; `update` takes a step and returns its loss."""

    source: TrainingSource
    module: nn.Module
    optimizer: torch.optim.Optimizer
    update: Callable[[int], float]
    files: TrainingFiles
    steps: int
    validate_every: int
    patience: int | None
    validate: Callable[[], float | None]

    def __post_init__(self) -> None:
        self.best = deepcopy(self.module.state_dict())
        self.progress = _Progress()
        self.name = specs.text_of(self.source.method)

    def run(self, stage: str) -> FitRecord:
        """Train to the end, from the checkpoint if there is one; leave the best weights loaded."""
        progress, steps = self.progress, self.steps
        with separate_randomness(self.source.seed):
            self.resume()
            saved = time.monotonic()
            with meter(f"{self.name}: {stage}", steps, progress.step) as counter:
                while progress.step < steps and not self.out_of_patience():
                    loss = self.step()
                    due = progress.step % self.validate_every == 0 or progress.step == steps
                    if due:
                        self.score(loss)
                    if due or time.monotonic() - saved > CHECKPOINT_SECONDS:
                        self.files.save_checkpoint(self.state())
                        saved = time.monotonic()
                    counter.advance(remark=self.remark(loss))
        self.module.load_state_dict(self.best)
        return FitRecord(
            stage, progress.step, progress.best_step, progress.best_accuracy, progress.seconds
        )

    def step(self) -> float:
        """One update; returns its loss. Random numbers depend on the seed and the step alone."""
        started = time.perf_counter()
        self.source.seed_step(self.progress.step)
        value = self.update(self.progress.step)
        self.progress.step += 1
        self.progress.seconds += time.perf_counter() - started
        if not math.isfinite(value):
            raise MethodError(f"the training loss is {value} at step {self.progress.step}")
        return value

    def score(self, loss: float) -> None:
        """Score the weights on the validation classes and keep them if they are the best so far."""
        started = time.perf_counter()
        self.module.eval().requires_grad_(False)
        with separate_randomness(self.source.seed):
            accuracy = self.validate()
        self.module.train().requires_grad_(True)
        progress = self.progress
        progress.seconds += time.perf_counter() - started
        progress.log.append({"step": progress.step, "loss": loss, "validation": accuracy})
        best = progress.best_accuracy
        if accuracy is None or best is None or accuracy > best:
            progress.best_accuracy, progress.best_step = accuracy, progress.step
            self.best = deepcopy(self.module.state_dict())

    def out_of_patience(self) -> bool:
        waited = (self.progress.step - self.progress.best_step) // self.validate_every
        return self.patience is not None and waited >= self.patience

    def remark(self, loss: float) -> str:
        best = self.progress.best_accuracy
        validation = "" if best is None else f", best validation {100 * best:.2f} %"
        return f"loss {loss:.4f}{validation}"

    def resume(self) -> None:
        state = self.files.load_checkpoint()
        if state is None:
            return
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best = state["best"]
        vars(self.progress).update(state["progress"])
        say(f"{self.name}: resumes from step {self.progress.step}")

    def state(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "progress": asdict(self.progress),
        }
