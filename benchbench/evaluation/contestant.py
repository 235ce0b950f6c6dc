"""A method as those see it who have it trained and asked: in this process or in another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from benchbench.evaluation.given import Given
from benchbench.evaluation.loop import Answering
from benchbench.method import Task


class Contestant(Answering, Protocol):
    """A method as a job sees it; `participant.Participant` explains what it does.

    protection: what keeps the method from labels and scores, for the manifest.
    """

    protection: Mapping[str, Any]

    def skip(self, task: Task) -> str | None:
        """The reason why the method does not apply to the task, or None."""

    def train(self, given: Given) -> dict[str, Any]:
        """Train the method; what the manifest says of that."""

    def peak_memory_bytes(self) -> int | None:
        """The most memory that the method's process has held."""

    def batch_norms(self) -> list[str]:
        """The batch norms that have used statistics of queries."""

    def files(self) -> list[str]:
        """The protected files that the method has tried to reach."""

    def settings_changed(self) -> list[str]:
        """The settings of torch that the method has changed, each in words."""

    def twin(self) -> AbstractContextManager[Contestant]:
        """The same method in another place."""
