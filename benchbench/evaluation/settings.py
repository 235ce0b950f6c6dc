"""What jobs of one command share, the steps that a job goes through, and how long they may take."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from benchbench.samplers import Sampler
from benchbench.system.compute import Compute
from benchbench.training.budget import Budget

EPISODE_SECONDS = 600.0
"""How long an episode may take unless said otherwise."""

AUDIT_EPISODES = 10
"""An audit, which asks about some episodes many times, may take as long as so many."""


@dataclass(frozen=True)
class Settings:
    """What all jobs of one command share; plain values that can be sent to a worker.

    metrics: names of those besides accuracy. audit: of no method, of those without a stored audit
    that are computed anyway (`missing`), or of all of them, even if their episodes are stored.
    audit_seconds: the time that an audit may take; None for a tenth of the evaluation's, or 5 s.
    sampler: of the episodes, or None if it is not known. command: what was typed, if it is not this
    process's own command line.
    """

    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    compute: Compute = field(default_factory=Compute)
    metrics: tuple[str, ...] = ()
    audit: Literal["none", "missing", "all"] = "none"
    audit_seconds: float | None = None
    sampler: Sampler | None = None
    command: tuple[str, ...] = ()


class Phase(NamedTuple):
    """The step that a job enters: `training`, `audit`, `episodes` or `other`.

    first, together: the number of its first episode, and how many are adapted to at once.
    """

    kind: str
    first: int = 0
    together: int = 0


OTHER = Phase("other")


@dataclass(frozen=True)
class Limits:
    """The seconds that the steps of a job may take; floats that may be infinite.

    Episodes that a method adapts to at once share the sum of theirs.
    """

    episode: float = EPISODE_SECONDS
    training: float = math.inf

    def seconds(self, phase: Phase) -> float:
        """The seconds that a step may take."""
        if phase.kind == "training":
            return self.training
        if phase.kind == "audit":
            return AUDIT_EPISODES * self.episode
        return phase.together * self.episode if phase.kind == "episodes" else math.inf

    def exceeded(self, phase: Phase) -> str:
        """The sentence about a step that took longer."""
        if phase.kind == "training":
            return f"training took longer than {self.training:g} s (--training-timeout)"
        if phase.kind == "audit":
            limit = f"{AUDIT_EPISODES} x {self.episode:g} s (--timeout)"
            return f"the audit took longer than {limit}; --no-audit leaves it out"
        if phase.together == 1:
            what, times = f"episode {phase.first}", ""
        else:
            what = f"episodes {phase.first} to {phase.first + phase.together - 1} together"
            times = f"{phase.together} x "
        return f"{what} took longer than {times}{self.episode:g} s (--timeout)"
