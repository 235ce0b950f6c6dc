"""`benchbench report`."""

from __future__ import annotations

from pathlib import Path

import click

from benchbench.cli.options import FILE, FOLDER, data_root_option, results_argument, rule_option
from benchbench.errors import BenchbenchError


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
    from benchbench.results import plot_style
    from benchbench.results.entries import tables_of
    from benchbench.results.report import make_report
    from benchbench.results.stored import no_runs, results_below
    from benchbench.system.files import write_text
    from benchbench.system.places import Places

    if pictures is not None and not plot_style.available():
        raise BenchbenchError(
            "--pictures needs matplotlib; install it with pip install 'benchbench[plots]'."
        )
    tables = tables_of(results_below(results))
    if not tables:
        raise no_runs(results)
    page = make_report(tables, rule, Places.find(data_root))
    write_text(out, page.html)
    if pictures is not None:
        for picture in page.pictures:
            picture.save(pictures)
    rows, size = sum(map(len, tables)), len(page.html.encode()) / 1e6
    counts = f"{rows} row{'s' * (rows != 1)} in {len(tables)} table{'s' * (len(tables) != 1)}"
    click.echo(f"{out}: {counts}, {size:.2f} MB")
