"""`benchbench compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbench.cli.options import FOLDER, format_option
from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.system.progress import say

if TYPE_CHECKING:
    from benchbench.results.comparison import Comparison
    from benchbench.results.entries import Entry


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="A B [C ...]")
@click.option(
    "--results",
    multiple=True,
    type=FOLDER,
    show_default="results",
    help="A folder of runs; the option may be repeated. Without it, folders of runs may stand "
    "among the methods.",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="SPEC",
    help="The data set, or the source of several, to which the comparison is restricted; given "
    "twice, each method is compared on the one with itself on the other, on the same episodes.",
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
    datasets: tuple[str, ...],
    reference: str | None,
    style: str,
) -> None:
    """Compare methods on the episodes that they share, paired.

    A, B, ... are methods with results, as the leaderboard names them, or run directories. Folders
    of runs among them are read in place of `results`. Two data sets share episodes if these are of
    the same pictures, read in two ways.
    """
    import pandas as pd

    from benchbench.results.across import sources_of
    from benchbench.results.comparison import (
        chosen_entries,
        compare_pairs,
        comparison_frame,
    )
    from benchbench.results.reporters import csv, json
    from benchbench.results.reporters.across import significance_over_sources
    from benchbench.results.reporters.comparisons import compared_markdown
    from benchbench.results.same_pictures import pairs_over

    named, folders = (list(methods), results) if results else _apart(methods)
    datasets = tuple(dict.fromkeys(map(_canonical, datasets)))
    names = list(dict.fromkeys([*named, *([reference] if reference else [])]))
    tables = []
    if len(datasets) > 1:
        if reference:
            raise BenchbenchError("Several data sets have no --reference; leave it out.")
        pairs = pairs_over(names, folders, datasets)
        compared = [compare_pairs(of_one) for of_one in pairs]
    elif len(names) < 2:
        raise BenchbenchError("A comparison needs two methods or run directories.")
    else:
        tables = chosen_entries(names, folders, datasets[0] if datasets else None)
        place = names.index(reference) if reference else None
        compared = _wherever_possible(tables, place)
    if style != "markdown":
        frame = pd.concat(map(comparison_frame, compared), ignore_index=True)
        click.echo(csv(frame) if style == "csv" else json(frame), nl=False)
        return
    parts = [compared_markdown(found, reference) for found in compared]
    if len(tables) > 1:
        parts.append(significance_over_sources(sources_of(tables)))
    click.echo("\n".join(parts), nl=False)


def _wherever_possible(tables: list[list[Entry]], reference: int | None) -> list[list[Comparison]]:
    """The comparisons on each protocol, in `tables` those alone that have any.

    Says which protocols are left out as they have too few episodes. Raises NoEstimate if all are.
    """
    from benchbench.results.comparison import compare_entries

    found: list[list[Comparison]] = []
    left_out: list[str] = []
    for table in list(tables):
        try:
            found.append(compare_entries(table, None if reference is None else table[reference]))
        except NoEstimate as error:
            if len(tables) == 1:
                raise
            tables[:] = [each for each in tables if each is not table]
            first = table[0].first
            left_out.append(f"{first.dataset}, {first.identity['protocol']}: {error.reason}")
    for line in left_out:
        say(f"left out {line}")
    return found


def _canonical(dataset: str) -> str:
    """The spec of a data set as results have it; what is none, such as a source, as it is."""
    from benchbench.datasets.opening import create_dataset
    from benchbench.registry import specs

    try:
        return specs.text_of(create_dataset(dataset))
    except BenchbenchError:
        return dataset


def _apart(given: tuple[str, ...]) -> tuple[list[str], tuple[Path, ...]]:
    """The methods or run directories that were given, and the folders of runs, or `results`.

    Raises BenchbenchError if run directories are given with a folder, which they do not need.
    """
    from benchbench.results.comparison import is_folder_of_runs, is_run

    folders = tuple(Path(name) for name in given if is_folder_of_runs(name))
    named = [name for name in given if Path(name) not in folders]
    if folders and (runs := [name for name in named if is_run(name)]):
        raise BenchbenchError(
            f"{folders[0]} is a folder of runs and {runs[0]} is one run; name methods and folders, "
            "or run directories only."
        )
    return named, folders or (Path("results"),)
