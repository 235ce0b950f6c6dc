"""`benchbench verify`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from benchbench.cli.options import data_root_option


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--write-tables",
    is_flag=True,
    help="Open the data of runs that do not say what their episodes were drawn from, and write it.",
)
@data_root_option
def verify(paths: tuple[Path, ...], write_tables: bool, data_root: Path | None) -> None:
    """Find out whether stored runs are what they claim.

    PATHS are folders of runs; their data is not needed. The episodes are drawn again from a table
    of class sizes, stored predictions are scored again, and rows, facts, hashes and folders' names
    must follow. Each line names what differs. The exit code is 1 if anything differs or could not
    be looked at.
    """
    from benchbench.runs.store import Store
    from benchbench.verification.records import verify_records
    from benchbench.verification.redrawing import Redrawings

    runs = {run.path.resolve(): run for path in paths for run in Store(path).runs()}
    if write_tables:
        from benchbench.system.places import Places
        from benchbench.verification.tables import write_tables as write

        write(runs.values(), Places.find(data_root))
    redrawings, verdicts = Redrawings(), Counter[str]()
    for run in runs.values():
        findings = verify_records(run, redrawings.of(run))
        click.echo("\n".join(findings.lines()))
        verdicts[findings.verdict] += 1
    click.echo(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    sys.exit(int(set(verdicts) != {"verified"}))
