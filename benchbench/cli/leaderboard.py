"""`benchbench leaderboard`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchbench.cli.options import FOLDER, data_root_option, results_argument, rule_option
from benchbench.errors import BenchbenchError


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
@click.option(
    "--publish",
    is_flag=True,
    help="Copy the runs to the folder `runs` of --out before, with what anybody needs to check "
    "them and nothing else, and tabulate all that are there.",
)
@click.option(
    "--per-class",
    is_flag=True,
    help="Print the accuracy of each class and the most frequent confusions instead, from all "
    "stored answers; of --format markdown or csv. Nothing is written.",
)
@data_root_option
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if a file is stale.")
def leaderboard(
    results: tuple[Path, ...],
    styles: str,
    out: Path,
    rule: str,
    across: str | None,
    publish: bool,
    per_class: bool,
    data_root: Path | None,
    check: bool,
) -> None:
    """Tabulate finished runs, in a file for each data set.

    RESULTS are folders of runs, by default `results`. The tables stand between two marked lines of
    a markdown file; the text around them is kept. A run that contradicts itself or its episodes is
    left out, and the exit code is then 1.
    """
    from benchbench.registry import loading
    from benchbench.results.entries import tables_of
    from benchbench.results.reporters.files import leaderboard_files, leaderboard_text
    from benchbench.results.stored import no_runs, results_below
    from benchbench.runs.started import started_without_result
    from benchbench.system.files import write_text
    from benchbench.system.progress import say

    _refuse_contradictions(out, across, publish, per_class, check)
    if per_class:
        _print_classes(results, styles, data_root)
        return
    names = dict.fromkeys(styles.split(","))
    reporters = {name: loading.find("register_reporters", "format", name) for name in names}
    refused: list[Path] = []
    if lost := started_without_result(results):
        say(lost)
    if publish:
        results = (_publish(results, out / "runs", refused),)
    tables = tables_of(results_below(results, refused))
    if str(out) == "-":
        if check:
            raise BenchbenchError("--check compares files, so it needs a folder as --out.")
        click.echo(leaderboard_text(tables, rule, reporters, across), nl=False)
        sys.exit(int(bool(refused)))
    files = leaderboard_files(tables, rule, reporters, across, out)
    if check:
        sys.exit(int(bool(_stale(out, files) or refused)))
    if not files:
        raise no_runs(results)
    for path, text in files.items():
        write_text(path, text)
        say(f"wrote {path}")
    sys.exit(int(bool(refused)))


def _refuse_contradictions(
    out: Path, across: str | None, publish: bool, per_class: bool, check: bool
) -> None:
    """Raise BenchbenchError if options go against each other."""
    if per_class and (publish or check or across):
        raise BenchbenchError("--per-class prints; leave out --publish, --check and --across.")
    if publish and (check or str(out) == "-"):
        raise BenchbenchError("--publish writes to a folder: leave out --check and --out -.")


def _print_classes(results: tuple[Path, ...], style: str, data_root: Path | None) -> None:
    """Print the classes of each protocol; class names are shown where the data is here."""
    from benchbench.results.entries import tables_of
    from benchbench.results.per_class import class_names, per_class
    from benchbench.results.reporters.per_class import Classes, per_class_csv, per_class_markdown
    from benchbench.results.stored import no_runs, results_below
    from benchbench.system.places import Places
    from benchbench.system.progress import say
    from benchbench.verification.redrawing import Redrawings

    if style not in ("markdown", "csv"):
        raise BenchbenchError("--per-class prints --format markdown or csv.")
    refused: list[Path] = []
    tables = tables_of(results_below(results, refused))
    if not tables:
        raise no_runs(results)
    places, redrawings = Places.find(data_root), Redrawings()
    several = [
        Classes(entries, per_class(entries, redrawings), class_names(entries, places))
        for entries in tables
    ]
    if style == "csv":
        for remark in [remark for one in several for remark in one.found.remarks]:
            say(remark)
        click.echo(per_class_csv(several), nl=False)
    else:
        click.echo("\n".join(map(per_class_markdown, several)), nl=False)
    sys.exit(int(bool(refused)))


def _stale(out: Path, files: dict[Path, str]) -> bool:
    """Whether a file is stale, each of which is said."""
    from benchbench.results.reporters.files import stale
    from benchbench.system.progress import say

    problems = stale(out, files)
    for path, problem in problems.items():
        say(f"{path} {problem}")
    if not problems:
        say(f"{len(files)} files are up to date")
    return bool(problems)


def _publish(results: tuple[Path, ...], root: Path, refused: list[Path]) -> Path:
    """Copy runs to `root`, which is returned; refused: gets the folders of those that differ."""
    from benchbench.results.publishing import publish
    from benchbench.results.stored import runs_below
    from benchbench.system.progress import say

    published = publish(runs_below(results), root)
    say(str(published))
    refused += published.refused
    return root
