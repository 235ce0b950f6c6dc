"""`benchbench compare`."""

from __future__ import annotations

from pathlib import Path

import click

from benchbench.cli.options import FOLDER, format_option


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="A B [C ...]")
@click.option(
    "--results",
    multiple=True,
    default=["results"],
    type=FOLDER,
    help="A folder of runs; the option may be repeated.",
)
@click.option(
    "--dataset",
    metavar="SPEC",
    help="The data set, or the source of several, to which the comparison is restricted.",
)
@click.option(
    "--reference",
    metavar="A",
    help="The method that each other one is compared with, instead of all pairs.",
)
@format_option("markdown", "csv", "json", explanation="csv and json have a row for each pair.")
def compare(
    methods: tuple[str, ...],
    results: tuple[Path, ...],
    dataset: str | None,
    reference: str | None,
    style: str,
) -> None:
    """Compare methods on the episodes that they share, paired.

    A, B, ... are methods with results, as the leaderboard names them, or run directories.
    """
    from benchbench.cli.compare_command import compare_command

    click.echo(compare_command(methods, results, dataset, reference, style), nl=False)
