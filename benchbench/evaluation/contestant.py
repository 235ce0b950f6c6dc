"""A method as those see it who have it trained and asked: in this process or in another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from benchbench.evaluation.given import Given
from benchbench.evaluation.loop import Answering
from benchbench.method import Task


class Measured(NamedTuple):
    """What the process of a method has needed and done so far.

    peak_memory_bytes: the most memory that it has held; None if the system does not say.
    batch_norms: those that have used statistics of queries. files: the protected ones that it has
    tried to reach, as far as that is known. settings: those of torch that have changed since the
    method is trained, each in words.
    """

    peak_memory_bytes: int | None
    batch_norms: list[str]
    files: list[str]
    settings: list[str]


class Contestant(Answering, Protocol):
    """A method as a job sees it; `participant.Participant` explains what it does.

    protection: what keeps the method from labels and scores, for the manifest.
    """

    protection: Mapping[str, Any]

    def skip(self, task: Task) -> str | None:
        """The reason why the method does not apply to the task, or None."""

    def train(self, given: Given) -> dict[str, Any]:
        """Train the method; what the manifest says of that."""

    def measured(self) -> Measured:
        """What its process has needed and done so far."""

    def twin(self) -> AbstractContextManager[Contestant]:
        """The same method in another place."""
