"""The one training loop: schedule, validation, best checkpoint, resume. Methods give it a loss."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.compute import separate_randomness
from benchbench.errors import MethodError
from benchbench.progress import meter, say
from benchbench.source import Batch, FitRecord, TrainingSource

CHECKPOINT_SECONDS = 20.0
"""Training that is killed loses at most about this much work."""

Schedule = Callable[[int], float]
"""From the step to the factor on the learning rate."""


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


class Indexable(Protocol):
    """Data by step, such as `source.episodes(...)` or `source.batches(...)`."""

    def __getitem__(self, step: int, /) -> Any: ...


@dataclass
class _Progress:
    """What a checkpoint holds besides weights and optimizer."""

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_accuracy: float | None = None
    log: list[dict[str, float | None]] = field(default_factory=list)


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
    validate_every: int | None = None,
    patience: int | None = None,
    stage: str = "training",
) -> FitRecord:
    """Train `module` with Adam on `loss(data[step])`, and leave it frozen at its best validation.

    schedule: the factor on `lr` by step, by default a cosine to zero. weight_decay: decoupled from
    the gradient (AdamW). clip_norm: bound on the gradient's norm. validate_every: steps between two
    calls of `source.validate()`, by default a tenth of the training. patience: validations without
    a better one after which training ends. Where the source has a folder, checkpoints are kept
    there: training that was interrupted goes on, and that was finished is loaded. A method that
    calls `fit` more than once names each `stage`. Raises MethodError where the loss is not finite.
    """
    files = _Files(source.folder, stage)
    module.to(source.compute.device)
    if source.compute.channels_last:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    record = files.finished(module)
    if record is None:
        loop = _Loop(source, module, loss, files, schedule or cosine(steps), lr, weight_decay)
        loop.clip_norm, loop.patience = clip_norm, patience
        loop.validate_every = validate_every or max(1, steps // 10)
        record = loop.run(data, steps, stage)
        files.finish(module, record, loop.progress)
    module.eval().requires_grad_(False)
    source.records.append(record)
    return record


class _Loop:
    """The state of one training."""

    clip_norm: float | None
    patience: int | None
    validate_every: int

    def __init__(
        self,
        source: TrainingSource,
        module: nn.Module,
        loss: Callable[[Any], Tensor],
        files: _Files,
        schedule: Schedule,
        lr: float,
        weight_decay: float,
    ) -> None:
        self.source, self.module, self.loss, self.files = source, module, loss, files
        module.train().requires_grad_(True)
        self.optimizer = torch.optim.AdamW(module.parameters(), lr, weight_decay=weight_decay)
        self.lr, self.schedule = lr, schedule
        self.best = _copied_state(module)
        self.progress = _Progress()

    def run(self, data: Indexable, steps: int, stage: str) -> FitRecord:
        """Train to the end, or on from the checkpoint; the module ends with its best weights."""
        with separate_randomness(self.source.seed):
            self.resume()
            name = f"{self.source.method.name}: {stage}"
            with meter(name, steps, self.progress.step) as counter:
                while self.progress.step < steps and not self.out_of_patience():
                    value = self.step(data)
                    if self.progress.step % self.validate_every == 0 or self.progress.step == steps:
                        self.validate(value)
                    counter.advance(remark=self.remark(value))
        self.module.load_state_dict(self.best)
        progress = self.progress
        return FitRecord(
            stage, progress.step, progress.best_step, progress.best_accuracy, progress.seconds
        )

    def step(self, data: Indexable) -> float:
        """One update; the value of its loss."""
        started = time.perf_counter()
        with self.source.compute.autocast():
            loss = self.loss(data[self.progress.step])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.schedule(self.progress.step)
        self.optimizer.step()
        self.progress.step += 1
        self.progress.seconds += time.perf_counter() - started
        value = float(loss.detach())
        if not math.isfinite(value):
            raise MethodError(f"the training loss is {value} at step {self.progress.step}")
        self.files.checkpoint_if_due(self)
        return value

    def validate(self, loss: float) -> None:
        """Score the weights on the validation classes and keep them if none were better."""
        started = time.perf_counter()
        with _frozen(self.module), separate_randomness(self.source.seed):
            accuracy = self.source.validate()
        progress = self.progress
        progress.seconds += time.perf_counter() - started
        progress.log.append({"step": progress.step, "loss": loss, "validation": accuracy})
        best = progress.best_accuracy
        if accuracy is None or best is None or accuracy > best:
            progress.best_accuracy, progress.best_step = accuracy, progress.step
            self.best = _copied_state(self.module)
        self.files.checkpoint(self)

    def out_of_patience(self) -> bool:
        waited = (self.progress.step - self.progress.best_step) // self.validate_every
        return self.patience is not None and waited >= self.patience

    def remark(self, loss: float) -> str:
        best = self.progress.best_accuracy
        validation = "" if best is None else f", best validation {100 * best:.2f} %"
        return f"loss {loss:.4f}{validation}"

    def resume(self) -> None:
        """Continue from the checkpoint, if there is one."""
        state = self.files.load_checkpoint()
        if state is None:
            return
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best = state["best"]
        self.progress = _Progress(**state["progress"])
        torch.set_rng_state(state["rng"])
        say(f"{self.source.method.name}: training goes on from step {self.progress.step}")

    def state(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "progress": asdict(self.progress),
            "rng": torch.get_rng_state(),
        }


class _Files:
    """What a training leaves in the run directory: checkpoint, weights, log."""

    def __init__(self, folder: Path | None, stage: str) -> None:
        self.folder, self.stage = folder, stage
        self._saved = time.monotonic()

    def _path(self, suffix: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{self.stage}.{suffix}"

    def checkpoint_if_due(self, loop: _Loop) -> None:
        if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            self.checkpoint(loop)

    def checkpoint(self, loop: _Loop) -> None:
        if self.folder is not None:
            _replace(self._path("checkpoint"), lambda path: torch.save(loop.state(), path))
        self._saved = time.monotonic()

    def load_checkpoint(self) -> dict[str, Any] | None:
        if self.folder is None or not self._path("checkpoint").exists():
            return None
        state: dict[str, Any] = torch.load(
            self._path("checkpoint"), map_location="cpu", weights_only=True
        )
        return state

    def finish(self, module: nn.Module, record: FitRecord, progress: _Progress) -> None:
        """Write the weights, then the record that says they are whole; drop the checkpoint."""
        if self.folder is None:
            return
        state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
        _replace(self._path("safetensors"), lambda path: save_file(state, path))
        content = json.dumps({"record": asdict(record), "log": progress.log}, indent=1)
        _replace(self._path("json"), lambda path: path.write_text(content, encoding="utf-8"))
        self._path("checkpoint").unlink(missing_ok=True)

    def finished(self, module: nn.Module) -> FitRecord | None:
        """Load the weights of a finished training; its record, or None."""
        if self.folder is None or not self._path("json").exists():
            return None
        content = json.loads(self._path("json").read_text(encoding="utf-8"))
        module.load_state_dict(load_file(self._path("safetensors")))
        return FitRecord(**content["record"])


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    write(partial)
    partial.replace(path)


def _copied_state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """The module as evaluation meets it, for the length of the block."""
    module.eval().requires_grad_(False)
    try:
        yield
    finally:
        module.train().requires_grad_(True)


def fit_classifier(source: TrainingSource, backbone: Backbone) -> FitRecord:
    """Train the backbone by ordinary classification of all training classes; the head is dropped.

    Cross-entropy on a linear head, as the baselines of Triantafillou et al. (Meta-Dataset, ICLR
    2020) and Chen et al. (A Closer Look, ICLR 2019) do.
    """
    with separate_randomness(source.seed):
        head = nn.Linear(backbone.feature_size, source.n_classes)
    head.to(source.compute.device)

    def loss(batch: Batch) -> Tensor:
        logits = head(backbone(batch.images))
        return nn.functional.cross_entropy(logits, batch.labels.to(logits.device))

    return fit(
        source,
        nn.ModuleDict({"backbone": backbone, "head": head}),
        loss,
        source.batches(source.budget.choose(smoke=32, quick=128, paper=256)),
        steps=source.budget.training_steps(smoke=30, quick=2000, paper=75_000),
        lr=1e-3,
        weight_decay=1e-4,
        stage="classification",
    )
