"""What methods learn from, in tests of their training."""

from typing import Any

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Method, Task
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource


def make_source(
    dataset: OpenDataset, method: Method, steps: int | None = None, shot: int = 1, **options: Any
) -> TrainingSource:
    """For a test of 5-way episodes with 15 queries; `steps` goes before the budget's own."""
    task = Task(dataset.name, "test", dataset.image_shape, 5, shot, 15)
    options = {"budget": Budget("quick", steps), **options}
    return TrainingSource(dataset, method, task, **options)
