"""The training of a method that is audited apart from a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Method, Task
from benchbench.system.compute import Compute, separate_randomness
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource


@dataclass(frozen=True)
class Training:
    """How the method was trained, and what it read.

    read: images read, by split. opened: files opened outside the training's own folder.
    """

    budget: Budget
    compute: Compute
    folder: Path
    read: dict[str, int]
    opened: tuple[Path, ...]


def train(
    method: Method,
    dataset: OpenDataset,
    task: Task,
    folder: Path,
    *,
    seed: int,
    budget: Budget,
    compute: Compute,
) -> None:
    """Train a method as a run does, with its files in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = TrainingSource(
        dataset, method, task, budget, seed, compute, folder=folder, shared=folder / "shared"
    )
    with separate_randomness(seed):
        method.train(source)
