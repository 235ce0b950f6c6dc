"""`benchbench report`."""

from __future__ import annotations

from pathlib import Path

import click

from benchbench.cli.options import FILE, FOLDER, data_root_option, results_argument, rule_option


@click.command()
@results_argument
@click.option("--out", default="report.html", type=FILE, help="The file that is written.")
@data_root_option
@rule_option("paired")
@click.option(
    "--pictures",
    type=FOLDER,
    help="A folder that the plots are written to as well, as svg and pdf.",
)
def report(
    results: tuple[Path, ...], out: Path, data_root: Path | None, rule: str, pictures: Path | None
) -> None:
    """Write an html page on finished runs.

    It has tables, plots and images of episodes. RESULTS are folders of runs, by default `results`.
    """
    from benchbench.cli.report_command import report_command

    click.echo(report_command(results, out, data_root=data_root, rule=rule, pictures=pictures))
