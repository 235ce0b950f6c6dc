"""The command line: arguments only; each verb calls one function. Nothing here imports torch."""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

import benchbench
from benchbench.errors import BenchbenchError

DEFAULT_METHODS = "knn,protonet"
DEFAULT_DATASET = "glyphs"
KINDS = ["all", "methods", "datasets", "backbones", "samplers", "metrics"]
SEED = click.IntRange(min=0, max=2**32 - 1)
SECONDS = click.FloatRange(min=0, min_open=True)


class Commands(click.Group):
    """The verbs, those of plug-ins after them; mistakes are told in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._add_plugin_commands()
        return list(self.commands)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.commands:
            self._add_plugin_commands()
        return super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from benchbench.errors import unknown_name

        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(str(unknown_name("command", args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)

    def _add_plugin_commands(self) -> None:
        from benchbench import plugins

        taken = dict(self.commands)
        plugins.add_commands(self)
        self.commands.update(taken)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BenchbenchError as error:
            raise click.UsageError(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Interrupted; the same command goes on from here.", err=True)
            sys.exit(130)


class Verbs(click.Group):
    """A group of verbs; an unknown one gets the nearest names."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from benchbench.errors import unknown_name

        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            kind = f"command of `{ctx.info_name}`"
            raise click.UsageError(str(unknown_name(kind, args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)


def main() -> None:
    """The console script."""
    # Idle threads of torch spin for long: two processes then make each other many times slower.
    # Threads that sleep at once halve the speed of small operations. This is in between, and read
    # when torch is imported.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # "±" on a terminal that has no such character
            stream.reconfigure(errors="replace")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    cli(prog_name="benchbench")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(benchbench.__version__, prog_name="benchbench")
def cli() -> None:
    """Benchmark few-shot image classification methods on episodes that they all share."""


def data_root_option(command: Any) -> Any:
    """`--data-root`, for the verbs that open a data set."""
    return click.option(
        "--data-root",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Where data sets lie or are downloaded to.  [BENCHBENCH_DATA, else the cache folder]",
    )(command)


def picture_option(command: Any) -> Any:
    """`--out`, for the verbs that draw."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="A .png file.  [named for what it shows, in this folder]",
    )(command)


def task_options(command: Any) -> Any:
    """The options that say which episodes."""
    options = [
        click.option("--dataset", default=DEFAULT_DATASET, show_default=True, metavar="SPEC"),
        click.option("--sampler", default="fixed", show_default=True, metavar="SPEC"),
        click.option("--way", type=click.IntRange(min=2), help="Classes of an episode.  [5]"),
        click.option("--shot", type=click.IntRange(min=0), help="Support images a class.  [1]"),
        click.option("--query", type=click.IntRange(min=1), help="Query images a class.  [15]"),
        click.option(
            "--replacement",
            type=click.Choice(["images", "none"]),
            help="What may recur in other episodes.  [images]",
        ),
        data_root_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@click.option("--methods", default=DEFAULT_METHODS, show_default=True, metavar="SPEC,...")
@task_options
@click.option(
    "--episodes", default="600", show_default=True, help="How many, or a file of `episodes make`."
)
@click.option("--episode-seed", default=0, show_default=True, type=SEED, help="Of the episodes.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of training and methods.")
@click.option(
    "--budget",
    default="quick",
    show_default=True,
    help="smoke (seconds), quick (minutes), paper (as published) or a number of training steps.",
)
@click.option(
    "--metrics", default="", metavar="NAME,...", help="Beside accuracy, see `list metrics`."
)
@click.option(
    "--out", default="results", show_default=True, type=click.Path(path_type=Path), metavar="FOLDER"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--threads", type=click.IntRange(min=1), help="Of torch.  [all cores]")
@click.option(
    "--fast/--no-fast",
    default=True,
    show_default=True,
    help="Train in channels-last memory and, where the processor has it, bf16.",
)
@click.option(
    "--engine",
    default="worker",
    show_default=True,
    envvar="BENCHBENCH_ENGINE",
    show_envvar=True,
    type=click.Choice(["worker", "inline"]),
    help="worker: in a process of its own, so that a method that crashes or hangs harms no other.",
)
@click.option(
    "--timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="How long an episode may take; inf for ever.  [600]",
)
@click.option(
    "--training-timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="How long the training of a method may take.  [inf]",
)
@click.option(
    "--audit/--no-audit",
    default=None,
    help="Audit methods on validation classes, stored ones too.  [those that are trained now]",
)
def run(**options: Any) -> None:
    """Train and evaluate methods, and print their table.

    What is stored in --out already is not computed again; a run that was interrupted goes on.
    """
    from benchbench.commands.run import run_command

    sys.exit(run_command(**options))


@cli.command("list")
@click.argument("kind", default="all", type=click.Choice(KINDS), metavar="[KIND]")
def list_(kind: str) -> None:
    """List the methods and data sets that are installed, or what is of one KIND.

    KIND is methods, datasets, backbones, samplers or metrics.
    """
    from benchbench.commands.listing import list_command

    click.echo(list_command(kind), nl=False)


@cli.command()
@click.argument("name")
def describe(name: str) -> None:
    """Explain a method, data set, backbone, sampler or metric: its docstring and parameters."""
    from benchbench.commands.listing import describe_command

    click.echo(describe_command(name), nl=False)


@cli.group(cls=Verbs)
def data() -> None:
    """List, prepare, verify and look at data sets."""


@data.command("list")
@data_root_option
def data_list(data_root: Path | None) -> None:
    """List the data sets, and what is here of each.

    Nothing is downloaded or decoded.
    """
    from benchbench.commands.data import list_command

    click.echo(list_command(data_root), nl=False)


@data.command("prepare")
@click.argument("dataset", metavar="SPEC")
@click.option(
    "--from",
    "origin",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The published files, in place of the data root.",
)
@data_root_option
def data_prepare(dataset: str, origin: Path | None, data_root: Path | None) -> None:
    """Download, decode, and compare with what was published.

    What was interrupted goes on where it stopped.
    """
    from benchbench.commands.data import prepare_command

    sys.exit(prepare_command(dataset, origin, data_root))


@data.command("verify")
@click.argument("dataset", metavar="SPEC")
@click.option("--against", metavar="SPEC", help="Another data set that should share nothing.")
@click.option("--backbone", metavar="SPEC", help="Weights that should not have seen it.")
@click.option(
    "--distance",
    default=6,
    show_default=True,
    type=click.IntRange(0, 12),
    help="Bits in which the hashes of near duplicates may differ.",
)
@click.option(
    "--correlation",
    default=0.98,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="That near duplicates have at least.",
)
@click.option(
    "--format", "style", default="text", show_default=True, type=click.Choice(["text", "json"])
)
@data_root_option
def data_verify(dataset: str, **options: Any) -> None:
    """Look for damage, wrong counts and duplicates.

    Also for classes in two splits. A picture in two splits is an error, with two labels a warning,
    twice in a class a note. Errors alone make the exit code 1.
    """
    from benchbench.commands.verify import verify_command

    sys.exit(verify_command(dataset, **options))


@data.command("show")
@click.argument("dataset", metavar="SPEC")
@click.option("--split", default="test", show_default=True)
@click.option("--classes", default=10, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--images", default=10, show_default=True, type=click.IntRange(min=1), help="Of each class."
)
@picture_option
@data_root_option
def data_show(dataset: str, **options: Any) -> None:
    """Draw images of some classes into a PNG file.

    The file's path is printed, and nothing is opened.
    """
    from benchbench.commands.show import data_show_command

    click.echo(data_show_command(dataset, **options))


@cli.group(cls=Verbs)
def episodes() -> None:
    """Make frozen episodes, and look at them."""


@episodes.command("make")
@task_options
@click.option("--episodes", "count", default=600, show_default=True, type=click.IntRange(min=1))
@click.option("--split", default="test", show_default=True)
@click.option("--seed", default=0, show_default=True, type=SEED)
@click.option("--out", type=click.Path(path_type=Path), help="An .npz file; else only the hash.")
def episodes_make(**options: Any) -> None:
    """Draw episodes, print their sha256 and save them."""
    from benchbench.commands.episodes import episodes_command

    click.echo(episodes_command(**options))


@episodes.command("show")
@task_options
@click.option("--split", default="test", show_default=True, help="Of the classes.")
@click.option("--seed", default=0, show_default=True, type=SEED)
@click.option(
    "--episodes", type=click.Path(path_type=Path), metavar="FILE", help="Of `episodes make`."
)
@click.option(
    "--number", default=0, show_default=True, type=click.IntRange(0, 10**6), help="Which one."
)
@picture_option
def episodes_show(**options: Any) -> None:
    """Draw an episode into a PNG file.

    The file's path is printed, and nothing is opened.
    """
    from benchbench.commands.show import episodes_show_command

    click.echo(episodes_show_command(**options))


RESULTS = click.Path(path_type=Path)
RULE = click.Choice(["paired", "meta-dataset", "plain"])


@cli.command()
@click.argument("results", nargs=-1, type=RESULTS)
@click.option(
    "--format",
    "styles",
    default="markdown",
    show_default=True,
    metavar="NAME,...",
    help="markdown, csv, json, latex, html, or what a plug-in brings.",
)
@click.option(
    "--out",
    default="leaderboards",
    show_default=True,
    type=click.Path(path_type=Path),
    help="A folder, which gets a file for each data set; - prints.",
)
@click.option("--rule", default="paired", show_default=True, type=RULE, help="Of the ranks.")
@click.option(
    "--across", metavar="NAME", help="Also a file NAME.md, data sets in columns, average ranks."
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a file is stale.")
def leaderboard(results: tuple[Path, ...], styles: str, out: Path, **options: Any) -> None:
    """Tabulate finished runs; RESULTS are folders of runs (default: results).

    In a markdown file the tables stand between two marked lines, and the text around them stays.
    """
    from benchbench.commands.leaderboard import leaderboard_command

    folders = results or (Path("results"),)
    sys.exit(leaderboard_command(folders, styles.split(","), out, **options))


@cli.command()
@click.argument("methods", nargs=-1, required=True, metavar="A B [C ...]")
@click.option(
    "--results",
    multiple=True,
    default=["results"],
    show_default=True,
    type=RESULTS,
    help="A folder of runs; may be repeated.",
)
@click.option("--dataset", metavar="SPEC", help="Only on this data set, or this source of several.")
@click.option("--reference", metavar="A", help="Compare each with this one in place of all pairs.")
@click.option(
    "--format",
    "style",
    default="markdown",
    show_default=True,
    type=click.Choice(["markdown", "csv", "json"]),
)
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
    from benchbench.commands.compare import compare_command

    text = compare_command(methods, results, dataset, reference, style)
    click.echo(text, nl=False)


@cli.command()
@click.argument("table", metavar="TABLE")
@click.option("--rule", default="meta-dataset", show_default=True, type=RULE, help="Of the ranks.")
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only rows with this value; may be repeated.",
)
@click.option("--methods", default="", metavar="NAME,...", help="Only these.  [all]")
@click.option("--sources", default="", metavar="NAME,...", help="Only these test sources.  [all]")
@click.option("--common", is_flag=True, help="Only the test sources that every method has.")
@click.option(
    "--format",
    "style",
    default="markdown",
    show_default=True,
    type=click.Choice(["markdown", "csv", "json"]),
    help="csv has a row for each method and test source, json an object for each method.",
)
def rank(**options: Any) -> None:
    """Rank the methods of a published table, or of results, by source and on average.

    TABLE is a folder of results, whose data sets are the test sources; or a csv file with the
    columns method, test_source, accuracy_percent and ci95_percent; or the word `published`: the
    figures that come with benchbench. An empty test_source is the row's dataset. Methods that
    differ in a column setting are ranked apart. Other columns serve --where; numbers of episodes
    cancel out of the rule meta-dataset. The rule paired is for results only.
    """
    from benchbench.commands.rank import rank_command

    click.echo(rank_command(**options), nl=False)


@cli.command()
@click.argument("results", nargs=-1, type=RESULTS)
@click.option(
    "--out",
    default="report.html",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
)
@data_root_option
@click.option("--rule", default="paired", show_default=True, type=RULE, help="Of the ranks.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write the plots there as well, as svg and pdf.",
)
def report(results: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Write one html page on finished runs; RESULTS are folders of runs (default: results)."""
    from benchbench.commands.report import report_command

    click.echo(report_command(results or (Path("results"),), out, **options))


@cli.command()
@click.argument("kind", type=click.Choice(["method", "dataset"]))
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Must not exist yet.  [NAME]"
)
def new(kind: str, name: str, out: Path | None) -> None:
    """Write a package with a method or data set that works, to begin from.

    NAME is also that of the Python module.
    """
    from benchbench.commands.new import new_command

    click.echo(new_command(kind, name, out), nl=False)


@cli.command()
@click.argument("method", required=False)
@click.option("--dataset", default=DEFAULT_DATASET, show_default=True, metavar="SPEC")
@click.option("--budget", default="smoke", show_default=True, help="Of the training, as of `run`.")
@click.option("--only", metavar="PATTERN", help="Checks with such a name, as in '*quer*'.")
@click.option(
    "--format", "style", default="text", show_default=True, type=click.Choice(["text", "json"])
)
@data_root_option
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of training and audit.")
@click.option("--list", "listing", is_flag=True, help="Say what each check is, and check nothing.")
def check(method: str | None, listing: bool, **options: Any) -> None:
    """Check that a METHOD keeps the contract, and audit it: is it inductive, does it leak?

    It is trained, and asked about altered episodes of the validation classes.
    """
    from benchbench.commands.check import check_command, list_checks

    if listing:
        click.echo(list_checks(), nl=False)
        return
    if method is None:
        raise click.UsageError("Missing argument 'METHOD'; --list says what is checked.")
    sys.exit(check_command(method, **options))


@cli.command()
@data_root_option
def doctor(data_root: Path | None) -> None:
    """Report on this installation: libraries, plug-ins, folders, and what to mend."""
    from benchbench.commands.doctor import diagnose

    text, healthy = diagnose(data_root)
    click.echo(text, nl=False)
    sys.exit(0 if healthy else 1)


if __name__ == "__main__":
    main()
