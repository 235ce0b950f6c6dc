"""The data of stored runs, opened where it is: each data set once, and its pixels looked at."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from benchbench.datasets.integrity.checks import check_table
from benchbench.datasets.opening import open_problems
from benchbench.datasets.problem import Problem
from benchbench.datasets.reading.offline import no_downloads
from benchbench.datasets.tables.stored import PermutedPixels
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places
from benchbench.verification.differences import Difference, Findings


class DataHere:
    """Opens data sets by the specs in manifests.

    downloads: whether what is missing is fetched, as `benchbench run` does.
    """

    def __init__(self, places: Places, downloads: bool = True) -> None:
        self.places, self._downloads = places, downloads
        self._opened: dict[str, list[Problem] | BenchbenchError] = {}
        self._wrong: dict[str, list[str]] = {}

    def problem_of(self, manifest: dict[str, Any], findings: Findings) -> Problem | None:
        """The run's data; None if it is not here, or is other data, which findings get to know."""
        name, identity = manifest["dataset"]["name"], manifest["identity"]
        problems = self._problems(name)
        if isinstance(problems, BenchbenchError):
            findings.not_here.append(Difference("data", f"{name} cannot be opened: {problems}"))
            return None
        expected = identity["fingerprint"], identity["splits"]
        for problem in problems:
            if (problem.test.fingerprint, problem.test.splits_sha256) == expected:
                altered = self._altered(name, problem)
                findings.differences += [Difference("data", f"{name}: {one}") for one in altered]
                return None if altered else problem
        findings.differences.append(Difference("data", f"{name} here is other data than the run's"))
        return None

    def _problems(self, name: str) -> list[Problem] | BenchbenchError:
        if name not in self._opened:
            try:
                with nullcontext() if self._downloads else no_downloads():
                    self._opened[name] = open_problems(name, self.places)
            except BenchbenchError as error:
                self._opened[name] = error
        return self._opened[name]

    def _altered(self, name: str, problem: Problem) -> list[str]:
        """What is wrong with the decoded images of a data set by itself; they are read once.

        A member of several has another fingerprint than its table.
        """
        if name not in self._wrong:
            own = not problem.collection and isinstance(problem.test.pixels, PermutedPixels)
            self._wrong[name] = [one.text for one in check_table(problem.test)] if own else []
        return self._wrong[name]
