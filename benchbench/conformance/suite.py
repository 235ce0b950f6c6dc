"""Running the checks: all of them by name, which failures are expected, and their report."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from benchbench.conformance import (
    company,
    contract,
    declarations,
    invariance,
    label_blind,
    leakage,
    semi_supervised,
)
from benchbench.conformance.outcomes import (
    EXPECTED,
    FAILED,
    NOT_APPLICABLE,
    PASSED,
    CheckFailed,
    NotApplicable,
    Outcome,
    count_line,
)
from benchbench.conformance.under_test import Bench
from benchbench.conformance.verdict import INDUCTIVE, Verdict
from benchbench.errors import unknown_name
from benchbench.method import Method
from benchbench.registry import specs

Check: TypeAlias = Callable[[Bench], None]

PREFIX = "check_"
DECLARES_TRANSDUCTIVE = "declares transductive"
DECLARES_ORDER = "declares order_dependent"


def _defined_in(module: Any) -> dict[str, Check]:
    return {
        name.removeprefix(PREFIX): function
        for name, function in vars(module).items()
        if name.startswith(PREFIX) and function.__module__ == module.__name__
    }


CHECKS: dict[str, Check] = {
    name: check
    for module in (
        contract,
        declarations,
        invariance,
        company,
        semi_supervised,
        leakage,
        label_blind,
    )
    for name, check in _defined_in(module).items()
}
"""All checks by name, in the order in which they run."""


def summary_of(name: str) -> str:
    """The first sentence of a check's docstring."""
    return (inspect.getdoc(CHECKS[name]) or "").split("\n\n", 1)[0]


def chosen(pattern: str | None = None) -> list[str]:
    """The names of the checks that match a pattern such as `*quer*`, by default of all.

    Raises BenchbenchError if none matches.
    """
    names = [name for name in CHECKS if pattern is None or fnmatchcase(name, pattern)]
    if not names:
        raise unknown_name("check", pattern or "", CHECKS)
    return names


def expected_failure(method: Method, name: str) -> str | None:
    """Why a method is expected to fail a check, or None if it must pass."""
    if name in method.expected_failures:
        return method.expected_failures[name]
    if method.transductive and name in INDUCTIVE:
        return DECLARES_TRANSDUCTIVE
    if method.order_dependent and name == "support_order":
        return DECLARES_ORDER
    return None


def check_declarations(method: Method) -> None:
    """Raise BenchbenchError if `expected_failures` names a check that does not exist."""
    for name in method.expected_failures:
        if name not in CHECKS:
            raise unknown_name(f"check in expected_failures of {method.name}", name, CHECKS)


def run_check(name: str, bench: Bench) -> Outcome:
    """Run one check; whatever the method raises is a failure.

    An expected failure that passes is also a failure. A method that declares itself transductive
    must fail at least one of the inductive checks.
    """
    reason = expected_failure(bench.method, name)
    status, message = _attempt(CHECKS[name], bench)
    change = max(bench.changes, key=lambda change: change.size, default=None)
    if reason is None or status == NOT_APPLICABLE:
        return Outcome(name, status, message, change=change)
    if status == FAILED:
        return Outcome(name, EXPECTED, message, reason, change)
    if reason == DECLARES_TRANSDUCTIVE and _shows_transduction(bench):
        return Outcome(name, PASSED, change=change)
    return Outcome(name, FAILED, f"passes, and was expected to fail ({reason})", reason, change)


def _attempt(check: Check, bench: Bench) -> tuple[str, str]:
    bench.changes = []
    try:
        check(bench)
    except CheckFailed as failure:
        return FAILED, str(failure)
    except NotApplicable as reason:
        return NOT_APPLICABLE, str(reason)
    except (Exception, SystemExit) as error:
        return FAILED, f"it raises {type(error).__name__}: {error}".split("\n", 1)[0]
    return PASSED, ""


def _shows_transduction(bench: Bench) -> bool:
    """Whether any inductive check fails; computed once for a bench."""
    if bench.transduction is None:
        changes = bench.changes
        statuses = (_attempt(CHECKS[name], bench)[0] for name in CHECKS if name in INDUCTIVE)
        bench.transduction = FAILED in statuses
        bench.changes = changes
    return bench.transduction


def run_checks(bench: Bench, names: Iterable[str] | None = None) -> Iterator[Outcome]:
    """Yield the outcome of each check, by default of all; each gets a fresh copy of the method.

    Raises BenchbenchError if `expected_failures` names a check that does not exist.
    """
    check_declarations(bench.trained)
    for name in CHECKS if names is None else names:
        bench.restore()
        yield run_check(name, bench)


@dataclass(frozen=True)
class Report:
    """The report of `benchbench check` on one method and one data set.

    training_failure: why the method could not be trained, so that no check ran.
    """

    method: str
    dataset: str
    outcomes: list[Outcome]
    verdict: Verdict | None = None
    training_failure: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.training_failure) or any(o.status == FAILED for o in self.outcomes)

    @property
    def count_line(self) -> str:
        return count_line(self.outcomes)

    def summary(self) -> str:
        """What the checks found together, a line each."""
        if self.training_failure:
            return f"train: FAILED: {self.training_failure}"
        if self.verdict is None:
            return self.count_line
        norms, lines = ", ".join(self.verdict.batch_norms) or "none", [""]
        lines.append(f"batch norms that use statistics of the queries: {norms}")
        if self.verdict.together is not None and self.verdict.alone is not None:
            lines.append(
                f"accuracy: {100 * self.verdict.together:.1f} % with all queries together, "
                f"{100 * self.verdict.alone:.1f} % with one at a time"
            )
        if self.verdict.worst is not None:
            check, change = self.verdict.worst
            lines.append(f"largest change: {change} ({check})")
        return "\n".join([*lines, f"verdict: {self.verdict.sentence()}", self.count_line])

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return {
            "method": self.method,
            "dataset": self.dataset,
            "failed": self.failed,
            "training_failure": self.training_failure,
            "count": self.count_line,
            "outcomes": [outcome.as_dict() for outcome in self.outcomes],
            "verdict": self.verdict.as_dict() if self.verdict else None,
        }


def report_on(
    bench: Bench, names: Iterable[str] | None = None, tell: Callable[[Outcome], None] | None = None
) -> Report:
    """Run checks and sum them up. tell: called with each outcome as soon as it is known."""
    outcomes = []
    for outcome in run_checks(bench, names):
        outcomes.append(outcome)
        if tell:
            tell(outcome)
    bench.restore()
    verdict = Verdict.of(bench, outcomes)
    return Report(specs.text_of(bench.trained), bench.dataset.name, outcomes, verdict)
