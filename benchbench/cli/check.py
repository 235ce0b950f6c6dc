"""`benchbench check`: whether a method satisfies the contract, and what it is by evidence."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import click

from benchbench.cli.fresh import check_fresh
from benchbench.cli.options import DATASET, SEED, data_root_option, format_option
from benchbench.errors import BenchbenchError, reason_of
from benchbench.system.texts import legible, legible_lines


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
    fresh: bool,
    listing: bool,
) -> None:
    """Check whether a method keeps the contract, and audit it.

    The METHOD is trained and then queried with altered episodes of the validation classes, which
    show whether it is inductive and whether it leaks. The exit code is 1 if a check failed, or if
    it is better on standard test episodes than on --fresh ones.
    """
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
    from benchbench.learners.creation import create_methods
    from benchbench.registry import specs
    from benchbench.system.compute import configure
    from benchbench.system.places import Places
    from benchbench.training.budget import Budget

    if listing:
        width = max(map(len, CHECKS))
        for name in CHECKS:
            click.echo(f"{name:<{width}}  {summary_of(name)}")
        return
    if method is None:
        raise click.UsageError("Missing argument 'METHOD'; --list says what is checked.")
    if fresh:
        check_fresh(method, dataset, budget, only, style, data_root, seed)
    names = chosen(only)
    methods = create_methods(method)
    if len(methods) > 1:
        raise BenchbenchError(f"'{method}' names {len(methods)} methods; check one at a time.")
    check_declarations(methods[0])

    printed = sys.stdout

    def tell(outcome: Outcome) -> None:
        click.echo(legible(outcome.line()), file=printed)

    training, compute = Budget.parse(budget), configure("cpu", fast=False)
    opened = open_problems(dataset, Places.find(data_root))[0].train
    # What methods print is no part of the report.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        try:
            bench = Bench.train(
                *(methods[0], opened, Path(folder)), seed=seed, budget=training, compute=compute
            )
        except BenchbenchError:
            raise
        except (Exception, SystemExit) as error:
            spec, reason = specs.text_of(methods[0]), reason_of(error)
            report = Report(spec, dataset, [], training_failure=reason)
        else:
            del opened  # a reference that is not the bench's would show a method its labels
            report = report_on(bench, names, tell if style == "text" else None)
    text = json.dumps(report.as_dict(), indent=1) if style == "json" else report.summary()
    click.echo(legible_lines(text))
    sys.exit(int(report.failed))
