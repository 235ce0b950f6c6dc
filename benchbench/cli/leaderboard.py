"""`benchbench leaderboard`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchbench.cli.options import FOLDER, results_argument, rule_option


@click.command()
@results_argument
@click.option(
    "--format",
    "styles",
    default="markdown",
    metavar="NAME,...",
    help="The formats to write: markdown, csv, json, latex, html, or those of plug-ins.",
)
@click.option(
    "--out",
    default="leaderboards",
    type=FOLDER,
    help="The folder that gets a file for each data set and format; - prints the tables instead.",
)
@rule_option("paired")
@click.option(
    "--across",
    metavar="NAME",
    help="The name of a further file, NAME.md, with data sets as columns and average ranks.",
)
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if a file is stale.")
def leaderboard(
    results: tuple[Path, ...], styles: str, out: Path, rule: str, across: str | None, check: bool
) -> None:
    """Tabulate finished runs, in a file for each data set.

    RESULTS are folders of runs, by default `results`. The tables stand between two marked lines of
    a markdown file; the text around them is kept.
    """
    from benchbench.cli.leaderboard_command import leaderboard_command

    wanted = styles.split(",")
    sys.exit(leaderboard_command(results, wanted, out, rule=rule, across=across, check=check))
