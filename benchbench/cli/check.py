"""`benchbench check`: whether a method satisfies the contract, and what it is by evidence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchbench.conformance import (
    CHECKS,
    Bench,
    Outcome,
    Report,
    check_declarations,
    chosen,
    report_on,
    summary_of,
)
from benchbench.datasets.opening import open_problems
from benchbench.errors import BenchbenchError, reason_of
from benchbench.learners.creation import create_methods
from benchbench.method import Method
from benchbench.registry import specs
from benchbench.system.compute import configure
from benchbench.system.places import Places
from benchbench.training.budget import Budget


def check_command(
    method: str,
    *,
    dataset: str,
    budget: str,
    only: str | None,
    style: str,
    data_root: Path | None,
    seed: int,
) -> int:
    """Train a method, check it, and print what came of it; 1 where a check failed, else 0.

    Raises BenchbenchError where the method, the data set or the pattern is unknown, or the method
    does not apply to the data set.
    """
    names = chosen(only)
    methods = create_methods(method)
    if len(methods) > 1:
        raise BenchbenchError(f"'{method}' names {len(methods)} methods; check one at a time.")
    check_declarations(methods[0])
    with tempfile.TemporaryDirectory() as folder:
        # The data set is the bench's alone: a second reference would show a method its labels.
        report = _checked(
            methods[0],
            dataset,
            Places.find(data_root),
            Path(folder),
            names,
            budget=Budget.parse(budget),
            seed=seed,
            tell=style == "text",
        )
    if style == "json":
        print(json.dumps(report.as_dict(), indent=1))
    else:
        print(_summed_up(report))
    return int(report.failed)


def list_checks() -> str:
    """Every check with the sentence that says what it checks."""
    width = max(map(len, CHECKS))
    return "".join(f"{name:<{width}}  {summary_of(name)}\n" for name in CHECKS)


def _checked(
    method: Method,
    dataset: str,
    places: Places,
    folder: Path,
    names: list[str],
    *,
    budget: Budget,
    seed: int,
    tell: bool,
) -> Report:
    compute = configure("cpu", fast=False)
    opened = open_problems(dataset, places)[0].train
    try:
        bench = Bench.train(method, opened, folder, seed=seed, budget=budget, compute=compute)
    except BenchbenchError:
        raise
    except Exception as error:
        return Report(specs.text_of(method), dataset, [], training_failure=reason_of(error))
    del opened
    return report_on(bench, names, _tell if tell else None)


def _tell(outcome: Outcome) -> None:
    print(outcome.line(), flush=True)


def _summed_up(report: Report) -> str:
    if report.training_failure:
        return f"train: FAILED: {report.training_failure}"
    verdict, lines = report.verdict, [""]
    if verdict is None:
        return report.count_line
    norms = ", ".join(verdict.batch_norms) or "none"
    lines.append(f"batch norms that use statistics of the queries: {norms}")
    if verdict.together is not None and verdict.alone is not None:
        lines.append(
            f"accuracy: {100 * verdict.together:.1f} % with all queries together, "
            f"{100 * verdict.alone:.1f} % with one at a time"
        )
    if verdict.worst is not None:
        check, change = verdict.worst
        lines.append(f"largest change: {change} ({check})")
    lines.append(f"verdict: {verdict.sentence()}")
    lines.append(report.count_line)
    return "\n".join(lines)
