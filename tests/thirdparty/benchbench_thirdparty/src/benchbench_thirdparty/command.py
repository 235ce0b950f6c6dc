"""A command."""

from __future__ import annotations

from pathlib import Path

import click

from benchbench import hookimpl


@click.command("thirdparty-count")
@click.argument("results", type=click.Path(path_type=Path, exists=True))
def count(results: Path) -> None:
    """Say how many runs there are below RESULTS."""
    click.echo(f"{len(list(results.rglob('episodes.csv')))} runs")


@hookimpl
def register_commands(group: click.Group) -> None:
    group.add_command(count)
