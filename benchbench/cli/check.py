"""`benchbench check`: whether a method satisfies the contract, and what it is by evidence."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbench.cli.fresh import check_fresh
from benchbench.cli.options import DATASET, SECONDS, SEED, data_root_option, format_option
from benchbench.errors import BenchbenchError, reason_of
from benchbench.registry import loading, specs
from benchbench.system.texts import legible, legible_lines

if TYPE_CHECKING:
    from benchbench.conformance import Outcome, Report
    from benchbench.method import Method


@click.command()
@click.argument("method", required=False)
@click.option(
    "--dataset",
    default=DATASET,
    metavar="SPEC",
    help="The data set for the training; its validation classes give the episodes of the checks.",
)
@click.option(
    "--budget",
    default="smoke",
    metavar="NAME|STEPS",
    help="How long the method is trained: smoke, quick, paper or a number of training steps.",
)
@click.option(
    "--only",
    metavar="PATTERN",
    help="A pattern of the names of the checks to make, as in '*query*'; --list prints all names.",
)
@format_option(
    "text", "json", explanation="text has a line for each check, json all that was found."
)
@data_root_option
@click.option("--seed", default=0, type=SEED, help="The seed of training and audit.")
@click.option(
    "--timeout",
    default=3600,
    type=SECONDS,
    metavar="SECONDS",
    help="The longest time that training and checks may take together; inf sets no limit.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Compare the accuracy on the standard test episodes with that on ones of a random seed, "
    "for `glyphs` of new alphabets; make no other check.",
)
@click.option("--list", "listing", is_flag=True, help="Print what each check is; check nothing.")
def check(
    method: str | None,
    dataset: str,
    budget: str,
    only: str | None,
    style: str,
    data_root: Path | None,
    seed: int,
    timeout: float,
    fresh: bool,
    listing: bool,
) -> None:
    """Check whether a method keeps the contract, and audit it.

    The METHOD is trained and then queried with altered episodes of the validation classes, which
    show whether it is inductive and whether it leaks. The exit code is 1 if a check failed, or if
    it is better on standard test episodes than on --fresh ones.
    """
    if listing:
        _print_checks()
        return
    if method is None:
        raise click.UsageError("Missing argument 'METHOD'; --list says what is checked.")
    # Before anything that takes seconds to import.
    loading.check_names("method", specs.split_list(method))
    loading.check_names("dataset", [dataset])
    if fresh:
        check_fresh(method, dataset, budget, only, style, data_root, seed, timeout)
    from benchbench.conformance import check_declarations, chosen
    from benchbench.learners.creation import create_methods

    names = chosen(only)
    methods = create_methods(method)
    if len(methods) > 1:
        raise BenchbenchError(f"'{method}' names {len(methods)} methods; check one at a time.")
    check_declarations(methods[0])
    report = _checked(methods[0], names, dataset, budget, style, data_root, seed, timeout)
    text = json.dumps(report.as_dict(), indent=1) if style == "json" else report.summary()
    click.echo(legible_lines(text))
    sys.exit(int(report.failed))


def _print_checks() -> None:
    from benchbench.conformance import CHECKS, summary_of

    width = max(map(len, CHECKS))
    for name in CHECKS:
        click.echo(f"{name:<{width}}  {summary_of(name)}")


def _checked(
    method: Method,
    names: list[str],
    dataset: str,
    budget: str,
    style: str,
    data_root: Path | None,
    seed: int,
    timeout: float,
) -> Report:
    """The report on a method, each outcome of which is told as soon as it is known."""
    from benchbench.conformance import Bench, Report, report_on
    from benchbench.datasets.opening import open_problems
    from benchbench.system.compute import configure
    from benchbench.system.places import Places
    from benchbench.system.time_limit import time_limit
    from benchbench.training.budget import Budget

    spec, printed, left = specs.text_of(method), sys.stdout, ["training", *names]

    def tell(outcome: Outcome) -> None:
        left.remove(outcome.check)
        if style == "text":
            click.echo(legible(outcome.line()), file=printed)

    def give_up() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        where = left[0] if left else "the verdict"
        click.echo(
            f"{spec} FAILED: {where} does not end within {timeout:g} s (--timeout).", err=True
        )

    training, compute = Budget.parse(budget), configure("cpu", fast=False)
    opened = open_problems(dataset, Places.find(data_root))[0].train
    with (
        tempfile.TemporaryDirectory() as folder,
        time_limit(timeout, give_up),
        redirect_stdout(sys.stderr),  # what methods print is no part of the report
    ):
        try:
            bench = Bench.train(
                *(method, opened, Path(folder)), seed=seed, budget=training, compute=compute
            )
        except BenchbenchError:
            raise
        except (Exception, SystemExit) as error:
            return Report(spec, dataset, [], training_failure=reason_of(error))
        del opened  # a reference that is not the bench's would show a method its labels
        left.remove("training")
        return report_on(bench, names, tell)
