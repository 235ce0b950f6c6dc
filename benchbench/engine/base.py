"""What an engine is: a place for methods to run in."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from benchbench.errors import BenchbenchError
from benchbench.evaluation.contestant import Contestant
from benchbench.registry import specs


class OpenContestant(Contestant, AbstractContextManager["OpenContestant"], Protocol):
    """A method that has a place until the end of its `with` block."""


class Engine(AbstractContextManager["Engine"]):
    """Gives each method a place of its own; a subclass says which in `_open`."""

    def __init__(self) -> None:
        self._waiting: dict[str, OpenContestant] = {}

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for contestant in self._waiting.values():
                stack.push(contestant)
            self._waiting = {}

    def admit(self, methods: str) -> list[str]:
        """The canonical specs of a comma-separated list of methods, each once.

        Each has got its place then. Raises BenchbenchError if a spec is wrong, a method cannot be
        loaded or none is named.
        """
        for text in specs.split_list(methods):
            self.admit_one(text)
        if not self._waiting:
            raise BenchbenchError("No method is named; see `benchbench list methods`.")
        return list(self._waiting)

    def admit_one(self, method: str) -> str:
        """The canonical spec of one method, as `admit`."""
        contestant = self._open(method)
        spec = contestant.card.spec
        if spec in self._waiting:
            contestant.__exit__(None, None, None)
        else:
            self._waiting[spec] = contestant
        return spec

    def admitted(self, method: str) -> OpenContestant:
        """The place that the method of a canonical spec got from `admit`, to ask what it is."""
        return self._waiting[method]

    def contestant(self, method: str) -> OpenContestant:
        """A place that nothing else has used, with the method of a canonical spec."""
        return self._waiting.pop(method, None) or self._open(method)

    def _open(self, method: str) -> OpenContestant:
        raise NotImplementedError
