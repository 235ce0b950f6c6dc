"""The one training loop, for which methods only write a loss; it resumes after interruptions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
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
from benchbench.training.source import TrainingSource

CHECKPOINT_SECONDS = 20.0
"""The time between two checkpoints, and so the most work that a killed training loses."""

Schedule = Callable[[int], float]
"""A function from the step to the factor on the learning rate."""


def cosine(steps: int, warmup: int = 0) -> Schedule:
    """A linear rise over `warmup` steps, then half a cosine to zero (Loshchilov & Hutter, 2017)."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

    return factor


def step_decay(every: int, factor: float = 0.5) -> Schedule:
    """Multiply the rate by `factor` every so many steps."""
    return lambda step: factor ** (step // every)


def constant(step: int) -> float:
    """The rate stays as it is."""
    return 1.0


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
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    validate_every: int | None = None,
    patience: int | None = None,
    stage: str = "training",
    validate: Callable[[], float | None] | None = None,
    folder: Path | None = None,
) -> FitRecord:
    """Train `module` with Adam on `loss(data[step])`, and leave it frozen at its best validation.

    schedule: the factor on `lr` by step, by default a cosine to zero. weight_decay: decoupled from
    the gradient (AdamW). clip_norm, clip_value: bounds on the gradient and on its elements.
    validate_every: steps between two calls of `validate` (by default `source.validate`), by default
    a tenth of the training. patience: training ends after so many validations without a better one.
    folder: of checkpoints, by default the source's; training is resumed from there. A method that
    calls `fit` more than once names each `stage`. Raises MethodError if the loss is not finite.
    A module without parameters is left as it is, which is said.
    """
    source.compute.place(module)
    files = TrainingFiles(folder or source.folder, stage)
    record = files.finished(module)
    if record is None and not learns(module):
        say(f"{specs.text_of(source.method)}: nothing to learn, so it is evaluated as it is")
        record = FitRecord(stage, steps=0, best_step=0, validation_accuracy=None, seconds=0.0)
        record = files.finish(module, record, [])
    if record is None:
        module.train().requires_grad_(True)
        optimizer = torch.optim.AdamW(module.parameters(), lr, weight_decay=weight_decay)
        rate = schedule or cosine(steps)

        def update(step: int) -> float:
            with source.compute.autocast():
                found = loss(data[step])
            optimizer.zero_grad(set_to_none=True)
            found.backward()  # type: ignore[no-untyped-call]
            if clip_norm is not None:
                nn.utils.clip_grad_norm_(module.parameters(), clip_norm)
            if clip_value is not None:
                nn.utils.clip_grad_value_(module.parameters(), clip_value)
            for group in optimizer.param_groups:
                group["lr"] = lr * rate(step)
            optimizer.step()
            return float(found.detach())

        validate, every = validate or source.validate, validate_every or max(1, steps // 10)
        loop = _Loop(source, module, optimizer, update, files, steps, every, patience, validate)
        record = files.finish(module, loop.run(stage), loop.progress.log)
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
