"""What is said of a network after its pre-training: its health, and that it has collapsed."""

from __future__ import annotations

from benchbench.learners.pretraining import Pretraining
from benchbench.registry import specs
from benchbench.system.progress import say
from benchbench.training.budget import FitRecord
from benchbench.training.source import TrainingSource


def said(
    source: TrainingSource, objective: Pretraining, health: dict[str, float]
) -> dict[str, float]:
    """The health, after it was said in a line."""
    if health:
        facts = ", ".join(f"{name} {value:.3g}" for name, value in health.items())
        say(f"{specs.text_of(source.method)}: {objective.name}: {facts}")
    return health


def warn_of_collapse(source: TrainingSource, objective: Pretraining, record: FitRecord) -> None:
    """Say so if the objective finds the network of this training collapsed."""
    if record.health and (ill := objective.sickness(record.health)):
        say(f"{specs.text_of(source.method)}: {objective.name} has collapsed: {ill}")
