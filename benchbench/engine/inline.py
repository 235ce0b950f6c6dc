"""The engine that runs methods in this process."""

from __future__ import annotations

from benchbench.engine.base import Engine
from benchbench.evaluation.participant import Participant
from benchbench.learners.creation import create_method


class Inline(Engine):
    """Runs methods in this process, for debugging: a method that crashes ends all.

    It protects no label and no score from a method.
    """

    def _open(self, method: str) -> Participant:
        return Participant(create_method(method))
