"""`benchbench verify`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbench.cli.options import SEED, Number, data_root_option, engine_option
from benchbench.errors import BenchbenchError
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.engine.repetition import Repetition
    from benchbench.runs.directory import RunDirectory
    from benchbench.verification.data_here import DataHere
    from benchbench.verification.differences import Findings
    from benchbench.verification.redrawing import Redrawings


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--evaluate",
    is_flag=True,
    help="Ask each method again, with the weights that are stored, and compare count by count.",
)
@click.option(
    "--fresh",
    type=SEED,
    metavar="SEED",
    help="The seed of other episodes that are asked with the weights that are stored; the means "
    "must agree within the interval of their difference.",
)
@click.option(
    "--retrain",
    is_flag=True,
    help="Train each method again by the recipe in its manifest, and compare count by count.",
)
@click.option(
    "--episodes",
    type=Number(2),
    metavar="N",
    show_default="all",
    help="The number of each run's episodes that are asked again.",
)
@click.option(
    "--where-possible",
    is_flag=True,
    help="Let runs pass that cannot be repeated here, for lack of their data, weights, device or "
    "version, which are counted; nothing is downloaded.",
)
@click.option(
    "--write-tables",
    is_flag=True,
    help="Open the data of runs that do not say what their episodes were drawn from, and write it.",
)
@engine_option
@data_root_option
def verify(
    paths: tuple[Path, ...],
    evaluate: bool,
    fresh: int | None,
    retrain: bool,
    episodes: int | None,
    where_possible: bool,
    write_tables: bool,
    engine: str,
    data_root: Path | None,
) -> None:
    """Find out whether stored runs are what they claim.

    PATHS are folders of runs; their data is not needed. The episodes are drawn again from a table
    of class sizes, stored predictions are scored again, and rows, facts, hashes and folders' names
    must follow. Each line names what differs. The exit code is 1 if anything differs or could not
    be looked at. `data verify` is about data sets.

    With --evaluate, --fresh or --retrain the methods are asked as well, for which their data is
    needed. Runs that cannot be repeated here count as not looked at, unless --where-possible says
    otherwise.
    """
    from benchbench.runs.store import Store
    from benchbench.system.places import Places
    from benchbench.verification.differences import NOT_HERE
    from benchbench.verification.redrawing import Redrawings

    if sum((evaluate, fresh is not None, retrain)) > 1:
        raise BenchbenchError("--evaluate, --fresh and --retrain go one at a time.")
    runs = {run.path.resolve(): run for path in paths for run in Store(path).runs()}
    if not runs:
        raise BenchbenchError(f"There are no runs below {', '.join(map(str, paths))}.")
    places, redrawings = Places.find(data_root), Redrawings()
    if write_tables:
        from benchbench.verification.tables import write_tables as write

        write(runs.values(), places)
    repeat = None
    if evaluate or fresh is not None or retrain:
        from benchbench.engine.repetition import Repetition
        from benchbench.verification.data_here import DataHere

        how = Repetition(retrain, episodes, fresh)
        data = DataHere(places, downloads=not where_possible)
        repeat = _repeating(how, engine, data, redrawings)
    elif where_possible:
        raise BenchbenchError("--where-possible is of --evaluate, --fresh and --retrain.")
    passing = {"verified", "partly verified", *([NOT_HERE] if where_possible else [])}
    verdicts: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for run in runs.values():
        findings = _findings(run, redrawings, repeat)
        click.echo("\n".join(map(legible, findings.lines())))
        verdicts[findings.verdict] += 1
        if findings.verdict == NOT_HERE:
            lacking.update({one.what for one in findings.not_here})
    if lacking:
        click.echo(f"not repeatable here for lack of: {_counted(lacking)}")
    click.echo(_counted(verdicts))
    sys.exit(int(not set(verdicts) <= passing))


def _counted(numbers: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(numbers.items()))


def _findings(
    run: RunDirectory,
    redrawings: Redrawings,
    repeat: Callable[[RunDirectory, Findings], None] | None,
) -> Findings:
    """What the files of a run show, and then what comes out when it is repeated."""
    from benchbench.verification.records import verify_records

    findings = verify_records(run, redrawings.of(run.path))
    if repeat is not None and not findings.differences:
        repeat(run, findings)
    return findings


def _repeating(
    how: Repetition, engine: str, data: DataHere, redrawings: Redrawings
) -> Callable[[RunDirectory, Findings], None]:
    """What repeats a run, each with an engine of its own."""
    from benchbench.engine.creation import create_engine
    from benchbench.engine.repetition import repeat

    def repeated(run: RunDirectory, findings: Findings) -> None:
        protected = (data.places.data_root, data.places.cache)
        with create_engine(engine, protected=protected) as computing:
            repeat(run, how, computing, data, redrawings.of(run.path), findings)

    return repeated
