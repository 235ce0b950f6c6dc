"""A pytest plug-in: `pytest --benchbench-methods NAME,...` makes a test of each check and method.

Every run of pytest imports this module, so that it imports nothing else until the option is given.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from benchbench.conformance import Bench
    from benchbench.method import Method


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("benchbench", "few-shot methods")
    group.addoption(
        "--benchbench-methods",
        default="",
        metavar="SPEC,...",
        help="check that these methods satisfy benchbench's contract and audit them",
    )
    group.addoption(
        "--benchbench-dataset", default="glyphs", metavar="SPEC", help="on this data set [glyphs]"
    )
    group.addoption(
        "--benchbench-budget", default="smoke", metavar="BUDGET", help="trained so long [smoke]"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the tests to those of the session; -k chooses among them by name."""
    text = session.config.getoption("--benchbench-methods")
    if not text:
        return
    from benchbench.conformance import check_declarations
    from benchbench.errors import BenchbenchError
    from benchbench.learners.creation import create_methods
    from benchbench.registry import specs

    try:
        methods = create_methods(text)
        for method in methods:
            check_declarations(method)
    except BenchbenchError as error:
        raise pytest.UsageError(str(error)) from error
    for method in methods:
        name = specs.text_of(method)
        node = Checks.from_parent(session, name=name, nodeid=f"benchbench::{name}", method=method)
        items.extend(node.collect())


class Checks(pytest.Collector):
    """The checks of one method, which is trained once, before the first of them."""

    def __init__(self, *, method: Method, **options: Any) -> None:
        super().__init__(**options)
        self.untrained = method
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.bench: Bench | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each check."""
        from benchbench.conformance import CHECKS

        for check in CHECKS:
            yield CheckItem.from_parent(self, name=check)

    def trained(self) -> Bench:
        """The bench with the trained method."""
        if self.bench is None:
            from benchbench.conformance import Bench
            from benchbench.datasets.opening import open_dataset
            from benchbench.system.compute import configure
            from benchbench.system.places import Places
            from benchbench.training.budget import Budget

            self.folder = tempfile.TemporaryDirectory()
            options = self.config.option
            self.bench = Bench.train(
                self.untrained,
                open_dataset(options.benchbench_dataset, Places.find()),
                Path(self.folder.name),
                budget=Budget.parse(options.benchbench_budget),
                compute=configure("cpu", fast=False),
            )
        return self.bench

    def teardown(self) -> None:
        """Forget the bench and remove its folder."""
        self.bench = None
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None


class CheckItem(pytest.Item):
    """One check of one method."""

    def runtest(self) -> None:
        """Fail, skip or xfail by the check's outcome."""
        from benchbench.conformance import run_check

        assert isinstance(self.parent, Checks)
        bench = self.parent.trained()
        bench.restore()
        outcome = run_check(self.name, bench)
        if outcome.status == "failed":
            raise CheckError(outcome.message)
        if outcome.status == "expected failure":
            pytest.xfail(outcome.reason)
        if outcome.status == "not applicable":
            pytest.skip(outcome.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The check's sentence if a check has failed, and the usual report of other errors."""
        if isinstance(excinfo.value, CheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test comes from, and its heading."""
        assert self.parent is not None
        return self.path, None, f"benchbench check {self.parent.name}: {self.name}"


class CheckError(Exception):
    """A check has failed."""
