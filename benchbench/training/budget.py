"""How long training may take, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from benchbench.errors import BenchbenchError
from benchbench.registry.specs import SHOWN

T = TypeVar("T")

MOST_STEPS = 10**9


@dataclass(frozen=True)
class Budget:
    """How long to train: smoke (seconds), quick (minutes), paper (as published), or some steps."""

    name: str = "quick"
    steps: int | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Raises BenchbenchError for anything else."""
        if text in ("smoke", "quick", "paper"):
            return cls(text)
        if text.isdecimal() and 0 < int(text[:SHOWN]) <= MOST_STEPS:
            return cls("quick", int(text))
        raise BenchbenchError(
            f"'{text[:SHOWN]}' is not a budget; use smoke, quick, paper or a number of training "
            f"steps up to {MOST_STEPS}."
        )

    def __str__(self) -> str:
        return str(self.steps or self.name)

    def choose(self, *, smoke: T, quick: T, paper: T) -> T:
        return {"smoke": smoke, "quick": quick, "paper": paper}[self.name]

    def training_steps(self, *, smoke: int, quick: int, paper: int) -> int:
        """The number of training steps: the one asked for, else the budget's."""
        return self.steps or self.choose(smoke=smoke, quick=quick, paper=paper)


@dataclass
class FitRecord:
    """One finished call of `fit`, for the manifest.

    weights: the file of the trained weights with its folder's name; weights_sha256: its hash. Both
    are empty if the weights were not kept. health: what tells a collapsed network, by name; it is
    of the whole network, of which a method may keep a part. chosen: where the stage was a choice on
    validation classes, what it chose, by name; `steps` is then how much there was to choose among.
    """

    stage: str
    steps: int
    best_step: int
    validation_accuracy: float | None
    seconds: float
    weights: str = ""
    weights_sha256: str = ""
    health: dict[str, float] = field(default_factory=dict)
    chosen: dict[str, float] = field(default_factory=dict)
